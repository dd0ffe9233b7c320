"""The database itself refuses to change or delete what is in the books, and to commit a transaction that does not balance."""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor

FEE_DOCUMENTS = "billing_feedocument"  # younger than the others: migrations before its own do not know it
FROZEN = ("billing_ledgertransaction", "billing_ledgerentry", "billing_chargedetailrecord", "billing_cdrline", FEE_DOCUMENTS)


def protect(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:  # noqa: ARG001 - a migration's signature
    """Put the triggers in place; run by a migration."""
    if schema_editor.connection.vendor == "postgresql":
        _protect_postgresql(schema_editor)
    else:
        for table in _there(schema_editor):
            _protect_sqlite(schema_editor, table)


def protect_fee_documents(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:  # noqa: ARG001 - a migration's signature
    """The same for the table that came later; run by its migration."""
    if schema_editor.connection.vendor == "postgresql":
        _protect_row_by_row(schema_editor, FEE_DOCUMENTS)
    else:
        _protect_sqlite(schema_editor, FEE_DOCUMENTS)


def _there(schema_editor: BaseDatabaseSchemaEditor) -> list[str]:
    """The frozen tables that exist by now."""
    existing = schema_editor.connection.introspection.table_names()
    return [table for table in FROZEN if table in existing]


def protect_again(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:  # noqa: ARG001 - a migration's signature
    """Put back the triggers that SQLite lost; run last by every migration that alters a frozen table.

    SQLite has a new table made in the place of an altered one, and its triggers go with the old one. PostgreSQL keeps them.
    """
    if schema_editor.connection.vendor == "sqlite":
        for table in _there(schema_editor):
            _protect_sqlite(schema_editor, table)


def _protect_sqlite(schema_editor: BaseDatabaseSchemaEditor, table: str) -> None:
    for event in ("UPDATE", "DELETE"):
        schema_editor.execute(
            f"CREATE TRIGGER IF NOT EXISTS {table}_no_{event.lower()} BEFORE {event} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def _protect_row_by_row(schema_editor: BaseDatabaseSchemaEditor, table: str) -> None:
    schema_editor.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION billing_append_only()"
    )


def _protect_postgresql(schema_editor: BaseDatabaseSchemaEditor) -> None:
    schema_editor.execute(
        """
        CREATE OR REPLACE FUNCTION billing_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only', ERRCODE = 'integrity_constraint_violation';
        END $$
        """
    )
    for table in _there(schema_editor):
        _protect_row_by_row(schema_editor, table)
    schema_editor.execute(
        """
        CREATE OR REPLACE FUNCTION billing_sums_to_zero() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF (SELECT sum(amount_minor) FROM billing_ledgerentry WHERE transaction_id = NEW.transaction_id) <> 0 THEN
                RAISE EXCEPTION 'ledger transaction does not sum to zero' USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN NULL;
        END $$
        """
    )
    schema_editor.execute(
        "CREATE CONSTRAINT TRIGGER billing_ledgerentry_sums_to_zero AFTER INSERT ON billing_ledgerentry "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_sums_to_zero()"
    )


def unprotect(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:  # noqa: ARG001 - a migration's signature
    """Take them away; run when the migration is undone."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION billing_append_only CASCADE")
        schema_editor.execute("DROP FUNCTION billing_sums_to_zero CASCADE")
    else:
        for table in FROZEN:
            for event in ("update", "delete"):
                schema_editor.execute(f"DROP TRIGGER IF EXISTS {table}_no_{event}")
