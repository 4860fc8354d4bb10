"""Django's async ORM in the steps of workflows that sync code calls: one connection, one transaction."""

from __future__ import annotations

import pytest

from tests.helpers.children import run_child

pytest.importorskip("django")

MODELS = """
import asyncio
import django
from django.conf import settings

settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
                   ROOT_URLCONF="__main__", ALLOWED_HOSTS=["*"])
django.setup()

from django.core.asgi import get_asgi_application
from django.db import connection, models, transaction
from django.http import HttpResponse
from django.urls import path
from agent_runtime import run_workflow, stream_workflow

class Row(models.Model):
    name = models.CharField(max_length=20)
    class Meta:
        app_label = "tests"

async def ask():
    row = await Row.objects.aget(name="of the view")
    await Row.objects.acreate(name="of the step")
    return [await Row.objects.acount(), row.name, connection.in_atomic_block]

WORKFLOW = '''
steps: [{id: ask, tool: ask}]
outputs: {answer: "${steps.ask.output}"}
'''

def query():
    # A database in memory belongs to its connection: another thread would find no table.
    with connection.schema_editor() as editor:
        editor.create_model(Row)
    try:
        with transaction.atomic():
            Row.objects.create(name="of the view")
            answer = run_workflow(WORKFLOW, tools={"ask": ask}, timeout=20).outputs["answer"]
            steps = [event for event in stream_workflow(WORKFLOW, tools={"ask": ask}, timeout=20)]
            counted = Row.objects.count()
            raise LookupError
    except LookupError:
        return answer[:2], counted, Row.objects.count()
"""

VIEW = """
def view(request):
    return HttpResponse(repr(query()))

urlpatterns = [path("query", view)]

async def get(application):
    import httpx
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return (await client.get("/query")).text

print(asyncio.run(get(get_asgi_application())))
"""


@pytest.mark.parametrize(
    "host",
    [
        pytest.param(VIEW, id="sync_view_under_asgi"),
        pytest.param("print(query())", id="management_command"),
    ],
)
def test_async_queries_of_a_step_belong_to_the_open_transaction_of_the_caller(host: str) -> None:
    seen = run_child(MODELS + host)

    # Two of the workflow's two runs and one of the view are there, and all are gone with the transaction.
    assert seen.check().stdout.strip() == "([2, 'of the view'], 3, 0)"
