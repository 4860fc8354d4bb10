"""The sync side of tests.helpers.async_client; its stub is made by ``agent_runtime.bridge.facades``."""

from agent_runtime.bridge import syncify
from tests.helpers import async_client

Row = syncify(async_client.AsyncRow)
Prices = syncify(async_client.AsyncPrices)
Client = syncify(async_client.AsyncClient)
SpecialClient = syncify(async_client.AsyncSpecialClient)
Cursor = syncify(async_client.AsyncCursor)
Job = syncify(async_client.AsyncJob)
fetch = syncify(async_client.fetch_async)
