"""The block that alerts go out by: any of the hundred services that Apprise speaks to, by one secret URL."""

from prefect.blocks.notifications import AppriseNotificationBlock
from pydantic import Field, SecretStr


class AlertService(AppriseNotificationBlock):
    """Where HYDRA's alerts go: an Apprise URL, e.g. tgram://TOKEN/CHAT, mailto://…, slack://…, json://HOST."""

    _block_type_name = "HYDRA alert service"
    _block_type_slug = "hydra-alert-service"

    url: SecretStr = Field(
        title="Apprise URL",
        description="The service and its secrets in one URL, as Apprise writes it.",
        examples=["tgram://TOKEN/CHAT"],
    )
