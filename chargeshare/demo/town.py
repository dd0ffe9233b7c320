"""Who lives in the demo town and what stands where. People and places are made up; the streets are not."""

from dataclasses import dataclass, field

DRIVER, OWNER, STAFF = "driver@example.com", "owner@example.com", "staff@example.com"
LOGINS = (DRIVER, OWNER, STAFF)
PASSWORD = "demo-charge-1"  # noqa: S105 - stands in the README; refused with DEBUG=False
ID_TAG_OF_STRANGER = "04DEADBEEF0001"


@dataclass(frozen=True)
class Person:
    """Somebody with an account; those with cards drive."""

    email: str
    name: str
    cards: tuple[tuple[str, str], ...] = ()
    visits_a_week: int = 0
    car: str = ""


@dataclass(frozen=True)
class Price:
    """One tariff of an owner."""

    name: str
    price_per_kwh: str
    session_fee: str = "0"
    idle_price_per_minute: str = "0"
    price_per_minute: str = "0"
    bands: tuple[tuple[str, str, str], ...] = ()

    def values(self) -> dict[str, object]:
        """Give what the form would send."""
        every_day = [1, 2, 3, 4, 5, 6, 7]
        bands = [{"days": every_day, "from": begin, "to": end, "price_per_kwh": price} for begin, end, price in self.bands]
        return {
            "name": self.name,
            "price_per_kwh": self.price_per_kwh,
            "session_fee": self.session_fee,
            "idle_price_per_minute": self.idle_price_per_minute,
            "price_per_minute": self.price_per_minute,
            "bands": bands,
        }


@dataclass(frozen=True)
class Box:
    """One charger: who owns it, where it stands, what it is, how it is today."""

    identity: str
    owner: str
    name: str
    address: str
    latitude: str
    longitude: str
    make: tuple[str, str, str]
    outlets: tuple[tuple[str, int], ...]
    price: Price
    today: str = "free"
    description: str = ""
    access: str = "public"
    popularity: int = 3
    meter_wh: int = field(default=0, kw_only=True)


PEOPLE = (
    Person(
        DRIVER, "Tereza Malá", (("04A27CB25E6180", "Karta v peněžence"), ("04B1390A7F2C81", "Přívěsek na klíčích")), 5, "škoda enyaq 80"
    ),
    Person(OWNER, "Pavel Novák", (("047E21D2C35A80", "Moje karta"),), 1, "hyundai kona 65"),
    Person("jakub.cerny@example.com", "Jakub Černý", (("045C9AF2E16B80", "Karta"),), 5),
    Person("lucie.prochazkova@example.com", "Lucie Procházková", (("0461B87A3D4E80", "Karta"),), 4),
    Person("petr.svoboda@example.com", "Petr Svoboda", (("049F30C1B75D80", "Služební"),), 6),
    Person("eva.nemcova@example.com", "Eva Němcová", (("04E80B5C2A9780", "Karta"),), 3),
    Person("ondrej.marek@example.com", "Ondřej Marek", (("0423D6F18C0B80", "Karta"),), 4),
    Person("katerina.pokorna@example.com", "Kateřina Pokorná", (("04778EA4590C80", "Karta"),), 4),
    Person("michal.urban@example.com", "Michal Urban", (("04CC1F63D28A80", "Karta"),), 5),
    Person("jana.dvorakova@example.com", "Jana Dvořáková"),
    Person("tomas.vesely@example.com", "Tomáš Veselý"),
    Person("penzion.u.mlyna@example.com", "Penzion U Mlýna"),
    Person("druzstvo.katerinky@example.com", "Bytové družstvo Kateřinky"),
    Person("autoservis.horak@example.com", "Autoservis Horák"),
    Person("obec.radun@example.com", "Obec Raduň"),
)

NOVAK_DAY = Price("Den a noc", "6.90", idle_price_per_minute="0.50", bands=(("22:00", "06:00", "4.90"),))
NOVAK_FLAT = Price("Jedna cena", "6.50")
DVORAKOVA = Price("Sousedská", "5.50")
VESELY = Price("Za kilowatthodinu a start", "5.90", session_fee="10.00")
MLYN = Price("Pro hosty i kolemjdoucí", "7.50", idle_price_per_minute="1.00")
DRUZSTVO = Price("Družstevní", "6.20")
HORAK_DC = Price("Rychlé nabíjení", "9.90", session_fee="15.00", idle_price_per_minute="2.00")
HORAK_AC = Price("Než to opravíme", "6.80")
RADUN = Price("Obecní", "4.50")
RADUN_FREE = Price("Zdarma", "0")

SOLAX, WALLBOX, KEBA = ("SolaxPower", "X3-HAC", "005.02"), ("Wall Box Chargers", "Pulsar Plus", "5.17.72"), ("Keba AG", "P30 x", "1.13.4")
ABB, ALFEN, TERRA = ("ABB", "Terra AC W22", "1.8.32"), ("Alfen BV", "Eve Single Pro-line", "6.5.1"), ("ABB", "Terra 54 CJG", "4.1.2")
GOE, EASEE, ZAPTEC = ("go-e", "HOMEfix 11", "055.7"), ("Easee", "Home", "322"), ("Zaptec", "Go 2", "2.4.0")

T11, T22, T7 = ("TYPE_2", 11_000), ("TYPE_2", 22_000), ("TYPE_2", 7_400)

BOXES = (
    Box("DEMO-NOVAK-1", OWNER, "U Nováků", "Mařádkova 12, Opava", "49.934120", "17.889430", SOLAX, (T11,), NOVAK_DAY, "charging",
        "Vjezd do dvora vpravo, kabel je delší než sedm metrů. Pes neštěká.", popularity=6),
    Box("DEMO-NOVAK-2", OWNER, "Chata na Stříbrném jezeře", "Rolnická, Opava-Kateřinky", "49.951870", "17.921560", GOE, (T11,), NOVAK_FLAT),
    Box("DEMO-NOVAK-3", OWNER, "Garáž Krnovská", "Krnovská 71, Opava", "49.943950", "17.880210", WALLBOX, (T7,), NOVAK_FLAT, "offline"),
    Box("DEMO-NOVAK-4", OWNER, "Zahrádky Kylešovice", "Liptovská 34, Opava-Kylešovice", "49.916940", "17.913370", EASEE, (T22,), NOVAK_DAY,
        access="members"),
    Box("DEMO-DVORAKOVA-1", "jana.dvorakova@example.com", "Dvůr u pekárny", "Ostrožná 8, Opava", "49.938480", "17.901730", KEBA, (T11,),
        DVORAKOVA, "charging", "Ve dvoře za pekárnou, otevřeno i v noci. Rohlíky od šesti.", popularity=6),
    Box("DEMO-DVORAKOVA-2", "jana.dvorakova@example.com", "Ateliér Olomoucká", "Olomoucká 45, Opava", "49.931560", "17.893800", ALFEN,
        (T22,), DVORAKOVA, popularity=4),
    Box("DEMO-DVORAKOVA-3", "jana.dvorakova@example.com", "Vila v Jaktaři", "Bílovecká 3, Opava-Jaktař", "49.945980", "17.874150", ZAPTEC,
        (T11,), DVORAKOVA),
    Box("DEMO-VESELY-1", "tomas.vesely@example.com", "Veselí v Komárově", "Ostravská 97, Opava-Komárov", "49.914260", "17.957330", GOE,
        (T11,), VESELY),
    Box("DEMO-VESELY-2", "tomas.vesely@example.com", "Malé Hoštice, statek", "Dvořákova 2, Malé Hoštice", "49.946720", "17.955480", EASEE,
        (T22,), VESELY, "plugged"),
    Box("DEMO-MLYN-1", "penzion.u.mlyna@example.com", "Penzion U Mlýna · parkoviště", "Podhradí 19, Hradec nad Moravicí", "49.871640",
        "17.876020", ABB, (T22, T22), MLYN, description="Dvě místa přímo u vchodu. Kafe v recepci.", popularity=4),
    Box("DEMO-MLYN-2", "penzion.u.mlyna@example.com", "Penzion U Mlýna · zahrada", "Podhradí 19, Hradec nad Moravicí", "49.870930",
        "17.877410", ABB, (T11,), MLYN, "faulty"),
    Box("DEMO-DRUZSTVO-1", "druzstvo.katerinky@example.com", "Hala Kateřinky", "Šrámkova 5, Opava-Kateřinky", "49.949830", "17.909970",
        KEBA, (T11, T11), DRUZSTVO, popularity=5),
    Box("DEMO-DRUZSTVO-2", "druzstvo.katerinky@example.com", "Dům U Opavice", "Ratibořská 60, Opava-Kateřinky", "49.952460", "17.914610",
        KEBA, (T11,), DRUZSTVO),
    Box("DEMO-DRUZSTVO-3", "druzstvo.katerinky@example.com", "Podzemní garáž Pekařská", "Pekařská 31, Opava", "49.935880", "17.905290",
        ZAPTEC, (T22,), DRUZSTVO, access="members"),
    Box("DEMO-HORAK-1", "autoservis.horak@example.com", "Autoservis Horák · rychlonabíječka", "Těšínská 77, Opava", "49.929470",
        "17.924830", TERRA, (("CCS", 50_000), ("CHADEMO", 50_000)), HORAK_DC, popularity=5),
    Box("DEMO-HORAK-2", "autoservis.horak@example.com", "Autoservis Horák · dílna", "Těšínská 77, Opava", "49.929190", "17.925410", ALFEN,
        (T22,), HORAK_AC),
    Box("DEMO-RADUN-1", "obec.radun@example.com", "Raduň, u zámku", "Zámecká 1, Raduň", "49.894310", "17.945160", ALFEN, (T22, T22), RADUN,
        popularity=4),
    Box("DEMO-RADUN-2", "obec.radun@example.com", "Raduň, hasičárna", "Slunečná 14, Raduň", "49.892720", "17.942080", WALLBOX, (T7,),
        RADUN_FREE, description="Pro sousedy zdarma, prosíme nejdéle tři hodiny."),
    Box("DEMO-VELKE-1", "tomas.vesely@example.com", "Velké Hoštice, náves", "Zámecká 42, Velké Hoštice", "49.934890", "17.970640", EASEE,
        (T11,), VESELY, "offline"),
    Box("DEMO-KRAVARE-1", "jana.dvorakova@example.com", "Kravaře, u golfu", "Bolatická 9, Kravaře", "49.936580", "18.006720", GOE, (T11,),
        DVORAKOVA),
)  # fmt: skip
