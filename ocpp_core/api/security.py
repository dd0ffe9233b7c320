"""What we know of a charger's security, over HTTP: events, certificates, the security profile."""

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from chargeshare.errors import NotFound
from ocpp_core import certificates, protection, security_events
from ocpp_core.models import Certificate, InstalledCertificate, SecurityEvent
from stations.api.permissions import own_charge_point, user_of
from stations.models import ChargePoint

LARGEST_ID = 2**63 - 1


class SecurityEventSerializer(serializers.ModelSerializer[SecurityEvent]):
    """Something that touched the security of the box; the same within an hour is counted."""

    text = serializers.SerializerMethodField()

    class Meta:
        model = SecurityEvent
        fields = ("id", "type", "text", "tech_info", "at", "received_at", "is_critical", "times")
        read_only_fields = fields

    @extend_schema_field(serializers.CharField())
    def get_text(self, event: SecurityEvent) -> str:
        """In plain words."""
        return str(security_events.meaning(event.type))


class SecurityEventsView(GenericAPIView[SecurityEvent]):
    """What one charge point reported of its security."""

    queryset = SecurityEvent.objects.order_by("-received_at", "-id")
    serializer_class = SecurityEventSerializer
    filter_backends = ()

    @extend_schema(operation_id="charge_points_security_events_list", responses=SecurityEventSerializer(many=True))
    def get(self, request: Request, code: str) -> Response:
        """The latest first."""
        charge_point = own_charge_point(request, code, retired=True)
        page = self.paginate_queryset(self.get_queryset().filter(charge_point=charge_point))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class CertificateSerializer(serializers.ModelSerializer[Certificate]):
    """A client certificate of ours. It is public; its key never left the box."""

    certificate = serializers.CharField(source="pem", read_only=True)

    class Meta:
        model = Certificate
        fields = (
            "id",
            "serial",
            "fingerprint",
            "subject",
            "not_before",
            "not_after",
            "state",
            "created_at",
            "used_at",
            "revoked_at",
            "certificate",
        )
        read_only_fields = fields


class CertificatesView(GenericAPIView[Certificate]):
    """The client certificates one charge point was given."""

    queryset = Certificate.objects.order_by("-id")
    serializer_class = CertificateSerializer
    filter_backends = ()

    @extend_schema(operation_id="charge_points_certificates_list", responses=CertificateSerializer(many=True))
    def get(self, request: Request, code: str) -> Response:
        """Newest first."""
        charge_point = own_charge_point(request, code, retired=True)
        page = self.paginate_queryset(self.get_queryset().filter(charge_point=charge_point))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class RevokeView(GenericAPIView[Certificate]):
    """Withdrawing a client certificate."""

    queryset = Certificate.objects.select_related("charge_point")
    serializer_class = CertificateSerializer

    @extend_schema(request=None, responses=CertificateSerializer)
    def post(self, request: Request, code: str, pk: int) -> Response:
        """Nobody connects with it any more; who is connected must prove herself again."""
        charge_point = own_charge_point(request, code)
        certificate = self.get_queryset().filter(charge_point=charge_point, pk=pk).first() if pk <= LARGEST_ID else None
        if certificate is None:
            raise NotFound
        return Response(self.get_serializer(certificates.revoke(certificate)).data)


class InstalledCertificateSerializer(serializers.ModelSerializer[InstalledCertificate]):
    """A root certificate in the box, by the hashes the standard knows it by."""

    class Meta:
        model = InstalledCertificate
        fields = ("use", "hash_algorithm", "issuer_name_hash", "issuer_key_hash", "serial_number", "subject", "seen_at")
        read_only_fields = fields


class InstalledCertificatesView(GenericAPIView[InstalledCertificate]):
    """The root certificates one charge point holds, as it last told."""

    queryset = InstalledCertificate.objects.order_by("use", "id")
    serializer_class = InstalledCertificateSerializer
    filter_backends = ()

    @extend_schema(operation_id="charge_points_installed_certificates_list", responses=InstalledCertificateSerializer(many=True))
    def get(self, request: Request, code: str) -> Response:
        """By use."""
        charge_point = own_charge_point(request, code, retired=True)
        page = self.paginate_queryset(self.get_queryset().filter(charge_point=charge_point))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class SecurityProfileSerializer(serializers.ModelSerializer[ChargePoint]):
    """How a charger proves who it is, and what it was asked to rise to."""

    class Meta:
        model = ChargePoint
        fields: tuple[str, ...] = ("security_profile", "next_security_profile")
        read_only_fields: tuple[str, ...] = fields


class RaisedProfileSerializer(SecurityProfileSerializer):
    """The same, with the password of a charger that had none, shown this once."""

    password = serializers.CharField(allow_null=True, read_only=True)

    class Meta(SecurityProfileSerializer.Meta):
        fields = (*SecurityProfileSerializer.Meta.fields, "password")
        read_only_fields = fields


class RaiseSerializer(serializers.Serializer[ChargePoint]):
    """Which profile it should rise to."""

    security_profile = serializers.IntegerField(min_value=1, max_value=3)


class SecurityProfileView(GenericAPIView[ChargePoint]):
    """The security profile of one charge point. It can be raised from here, not lowered."""

    serializer_class = SecurityProfileSerializer

    @extend_schema(responses=SecurityProfileSerializer)
    def get(self, request: Request, code: str) -> Response:
        """How it stands."""
        return Response(SecurityProfileSerializer(own_charge_point(request, code, retired=True)).data)

    @extend_schema(request=RaiseSerializer, responses={202: RaisedProfileSerializer})
    def post(self, request: Request, code: str) -> Response:
        """Ask the charger to prove itself better. The profile rises when it connects that way, and the lower one is refused then."""
        charge_point = own_charge_point(request, code)
        said = RaiseSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        password = protection.ask(charge_point, said.validated_data["security_profile"], asked_by=user_of(request))
        body = {**SecurityProfileSerializer(charge_point).data, "password": password}
        return Response(body, status.HTTP_202_ACCEPTED)
