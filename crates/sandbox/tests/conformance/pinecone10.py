"""pinecone 10.2.0, which speaks API version 2026-07."""

import asyncio

import common
from harness import INDEXES, KEY, URL, check, refused, run
from pinecone import AsyncPinecone, Pinecone

common.connect = lambda key: Pinecone(api_key=key, host=URL)


def ids_of_listing(index, **arguments):
    return [vector.id for page in index.list(**arguments) for vector in page.vectors]


common.ids_of_listing = ids_of_listing


@check
def describe_index_has_the_schema_shape():
    index = common.connect(KEY).describe_index("askdona")
    field = index.schema.fields["_values"]
    assert (field.dimension, field.metric) == (3072, "cosine"), index
    assert index.status.ready and index.host.startswith("http://127.0.0.1:")


@check
def a_document_index_refuses_vectors():
    index = common.connect(KEY).Index(host=INDEXES["scratch-documents"])
    refused(lambda: index.fetch(ids=["a"]), status=400, text="Document API")


@check
def writes_and_queries_carry_log_sequence_numbers():
    records = [{"id": "a", "values": common.vector(0)}]
    index = common.connect(KEY).Index(host=INDEXES["scratch"])
    written = index.upsert(vectors=records, namespace="lsn")
    read = index.query(vector=common.vector(0), top_k=1, namespace="lsn")
    assert written.response_info.lsn_committed >= 1, written.response_info
    assert read.response_info.lsn_reconciled >= written.response_info.lsn_committed, read.response_info


@check
def the_asynchronous_client_works_by_name():
    async def count():
        async with AsyncPinecone(api_key=KEY, host=URL) as client:
            async with await client.index("askdona") as index:
                return (await index.describe_index_stats()).total_vector_count

    assert asyncio.run(count()) == 168


run()
