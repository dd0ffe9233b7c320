"""Who sells the energy, and with what VAT, as it stands on a receipt: the owner through us, or we on the owner's account."""

from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings

from accounts.models import User
from billing.models import ChargeDetailRecord, SellerData
from chargeshare.sentences import Question

Model = ChargeDetailRecord.SupplyModel


@dataclass(frozen=True)
class Supplier:
    """What a receipt says of who issued it. Without a rate she is no payer of VAT."""

    model: str
    name: str
    address: str = ""
    company_id: str = ""
    vat_id: str = ""
    vat_percent: Decimal | None = None


def of(owner: User, place_name: str) -> Supplier:
    """Who sells at an owner's charger today."""
    return operator() if settings.SUPPLY_MODEL == Model.COMMISSIONAIRE else of_owner(owner, place_name)


_business = Question(
    lambda owner_id: SellerData.objects.filter(owner_id=owner_id).exclude(completed_at=None).exclude(kind=SellerData.Kind.PRIVATE)
)


def of_owner(owner: User, otherwise: str) -> Supplier:
    """An owner as she stands on documents.

    A private person is named and nothing more; who shares as a business has address and numbers on every receipt, as the
    law wants it.
    """
    data = _business.first(owner.pk)
    if data is None:
        return Supplier(Model.AGENT, (owner.name or otherwise)[:100])
    return Supplier(
        model=Model.AGENT,
        name=data.name,
        address=f"{data.street}, {data.postcode} {data.city}"[:200],
        company_id=data.company_id,
        vat_id=data.vat_id if data.is_vat_payer else "",
        vat_percent=settings.VAT_PERCENT if data.is_vat_payer else None,
    )


def operator() -> Supplier:
    """The platform itself; where it sells the energy it does so with VAT."""
    sells = settings.SUPPLY_MODEL == Model.COMMISSIONAIRE
    return Supplier(
        model=Model.COMMISSIONAIRE,
        name=settings.OPERATOR_NAME[:100],
        address=settings.OPERATOR_ADDRESS[:200],
        company_id=settings.OPERATOR_ID[:20],
        vat_id=settings.OPERATOR_VAT_ID[:20],
        vat_percent=settings.VAT_PERCENT if sells or settings.OPERATOR_VAT_ID else None,
    )


def of_record(cdr: ChargeDetailRecord) -> Supplier:
    """Who issued a receipt: a correction of it is issued by the same, whatever has changed since."""
    return Supplier(
        model=cdr.supply_model,
        name=cdr.supplier_name or cdr.owner_name,
        address=cdr.supplier_address,
        company_id=cdr.supplier_company_id,
        vat_id=cdr.supplier_vat_id,
        vat_percent=cdr.vat_percent,
    )


def fee_vat_percent() -> Decimal | None:
    """The rate in the fee that owners are charged: none where the platform is no payer, or sells itself and charges none."""
    return operator().vat_percent if settings.SUPPLY_MODEL == Model.AGENT else None
