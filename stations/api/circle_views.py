"""Circles over HTTP: an owner's, and those somebody is in."""

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts import addresses
from chargeshare.errors import NotFound
from stations import circles
from stations.api.circle_serializers import CircleSerializer, InviteSerializer, JoinSerializer, MemberSerializer, MembershipSerializer
from stations.api.permissions import user_of
from stations.models import Circle, CircleMember

MEMBER = OpenApiParameter("member", int, OpenApiParameter.PATH)


class CircleViewSet(GenericViewSet[Circle]):
    """My circles: household, friends and groups."""

    queryset = Circle.objects.all()
    serializer_class = CircleSerializer
    permission_classes = [IsAuthenticated]
    filter_backends = ()
    lookup_value_regex = r"[0-9]{1,17}"

    def get_queryset(self) -> QuerySet[Circle]:
        """Mine; to everybody else they do not exist."""
        return circles.of(user_of(self.request))

    @extend_schema(filters=False)
    def list(self, request: Request) -> Response:
        """The innermost first."""
        circles.all_of(user_of(request))
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(responses={201: CircleSerializer})
    def create(self, request: Request) -> Response:
        """A new group, with a link to join it. Household and friends everybody has."""
        said = CircleSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        group = circles.create_group(user_of(request), said.validated_data["name"])
        answer = self.get_serializer(self._of(request, str(group.pk))).data
        location = addresses.public(request.build_absolute_uri(f"{group.pk}/"))
        return Response(answer, status.HTTP_201_CREATED, headers={"Location": location})

    def retrieve(self, request: Request, pk: str) -> Response:
        """One circle."""
        return Response(self.get_serializer(self._of(request, pk)).data)

    def partial_update(self, request: Request, pk: str) -> Response:
        """Call a group something else."""
        circle = self._of(request, pk)
        said = CircleSerializer(circle, data=request.data, partial=True)
        said.is_valid(raise_exception=True)
        if "name" in said.validated_data:
            circles.rename(circle, said.validated_data["name"])
        return Response(self.get_serializer(self._of(request, pk)).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Dissolve a group; household and friends stay."""
        circles.delete(self._of(request, pk))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(responses=MemberSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"])
    def members(self, request: Request, pk: str) -> Response:
        """Who is in it, and who was invited."""
        page = self.paginate_queryset(self._of(request, pk).members.select_related("user"))  # type: ignore[arg-type]  # rows of it
        return self.get_paginated_response(MemberSerializer(page, many=True).data)  # type: ignore[arg-type]

    @extend_schema(request=InviteSerializer, responses={201: MemberSerializer})
    @members.mapping.post
    def invite(self, request: Request, pk: str) -> Response:
        """Invite somebody by her e-mail. She is in it once she accepts."""
        said = InviteSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        member = circles.invite(self._of(request, pk), said.validated_data["email"])
        return Response(MemberSerializer(member).data, status.HTTP_201_CREATED)

    @extend_schema(parameters=[MEMBER], responses={204: None})
    @action(detail=True, methods=["delete"], url_path=r"members/(?P<member>[0-9]{1,17})", url_name="member")
    def remove(self, request: Request, pk: str, member: str) -> Response:
        """Count somebody to it no longer, or take an invitation back."""
        circles.remove(self._of(request, pk), int(member))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses=CircleSerializer)
    @action(detail=True, methods=["post"])
    def link(self, request: Request, pk: str) -> Response:
        """A new link to join; the old one is void."""
        circles.renew_link(self._of(request, pk))
        return Response(self.get_serializer(self._of(request, pk)).data)

    @extend_schema(responses={204: None})
    @link.mapping.delete
    def close_link(self, request: Request, pk: str) -> Response:
        """No link: nobody joins by herself."""
        circles.close_link(self._of(request, pk))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _of(self, request: Request, pk: str) -> Circle:
        circle = circles.of(user_of(request)).filter(pk=pk).first()
        if circle is None:
            raise NotFound
        return circle


class MembershipViewSet(GenericViewSet[CircleMember]):
    """The circles of others that I am in."""

    queryset = CircleMember.objects.all()
    serializer_class = MembershipSerializer
    permission_classes = [IsAuthenticated]
    filter_backends = ()
    lookup_field = "circle_id"
    lookup_value_regex = r"[0-9]{1,17}"

    def get_queryset(self) -> QuerySet[CircleMember]:
        """Mine."""
        return circles.memberships(user_of(self.request))

    @extend_schema(filters=False)
    def list(self, request: Request) -> Response:  # noqa: ARG002 - the name the router passes it by
        """Those I am in and those I am asked into; the latter have no `joined_at`."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(request=JoinSerializer, responses={201: MembershipSerializer})
    def create(self, request: Request) -> Response:
        """Join by a link. Twice is once."""
        said = JoinSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        member = circles.join(said.validated_data["link"], user_of(request))
        return Response(self.get_serializer(self.get_queryset().get(pk=member.pk)).data, status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=MembershipSerializer)
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, circle_id: str) -> Response:
        """Say yes to an invitation."""
        return Response(self.get_serializer(circles.accept(user_of(request), int(circle_id))).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, circle_id: str) -> Response:
        """Leave it, or turn the invitation down."""
        circles.leave(user_of(request), int(circle_id))
        return Response(status=status.HTTP_204_NO_CONTENT)
