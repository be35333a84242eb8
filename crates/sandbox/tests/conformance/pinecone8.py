"""pinecone 8.1.2, which speaks API version 2025-10 and sends its header twice."""

import common
from harness import KEY, URL, check, run
from pinecone import Pinecone

common.connect = lambda key: Pinecone(api_key=key, host=URL)


def ids_of_listing(index, **arguments):
    return [id for page in index.list(**arguments) for id in page]


common.ids_of_listing = ids_of_listing


@check
def describe_index_has_the_flat_shape():
    index = common.connect(KEY).describe_index("askdona")
    assert (index.dimension, index.metric, index.vector_type) == (3072, "cosine", "dense"), index
    assert index.status.ready and index.host.startswith("http://127.0.0.1:")


run()
