"""What both versions of the Pinecone client are made to check. `connect(key)` gives a client; `first_ids` reads one
listing as a flat list of ids; both differ between the versions and are set by the script that imports this."""

import math

from harness import INDEXES, KEY, check, refused, sandbox

ODD = ["plain", "with space", "a#b", "a&b=c", "a+b", "a/b/c", "100%", 'quote"d', "back\\slash", "tilde~.", "plus+ space"]
connect = None
ids_of_listing = None


def vector(number):
    """An 8-dimensional vector of f32 that prints shortly."""
    return [0.5 + number / 8, -0.25, 0.125, 1.0, 0.0, 2.5, -3.0, 0.0625]


def scratch(namespace, records):
    """The scratch index, with records in a namespace."""
    index = connect(KEY).Index(host=INDEXES["scratch"])
    index.upsert(vectors=records, namespace=namespace)
    return index


@check
def the_control_plane_lists_all_indexes():
    names = [index.name for index in connect(KEY).list_indexes()]
    assert names[:2] == ["gflops-serverless", "askdona"], names


@check
def an_unknown_index_is_not_found():
    refused(lambda: connect(KEY).describe_index("nowhere"), status=404, text="not found")


@check
def a_wrong_key_is_refused_by_both_planes():
    refused(lambda: connect("wrong").describe_index("askdona"), status=401, text="unauthorized")
    index = connect("wrong").Index(host=INDEXES["askdona"])
    refused(lambda: index.describe_index_stats(), status=401, text="unauthorized")


@check
def an_index_is_reached_by_name():
    stats = connect(KEY).Index("gflops-serverless").describe_index_stats()
    assert stats.dimension == 1536
    assert stats.total_vector_count == 394, stats
    counts = {name: namespace.vector_count for name, namespace in stats.namespaces.items()}
    assert counts["help-centre"] == 360 and counts["release-notes"] == 24, counts
    assert counts.get("", counts.get("__default__")) == 10, counts


@check
def a_namespace_is_listed_page_by_page_in_order():
    index = connect(KEY).Index(host=INDEXES["gflops-serverless"])
    ids = ids_of_listing(index, namespace="help-centre", limit=50)
    assert len(ids) == 360 and ids == sorted(ids), len(ids)
    assert ids_of_listing(index, namespace="help-centre", prefix="accident#") == [f"accident#{n}" for n in range(1, 7)]
    page = index.list_paginated(namespace="help-centre", limit=7)
    assert len(page.vectors) == 7 and page.pagination.next
    following = index.list_paginated(namespace="help-centre", limit=7, pagination_token=page.pagination.next)
    assert following.vectors[0].id > page.vectors[-1].id
    assert following.namespace == "help-centre" and following.usage.read_units == 1


@check
def the_default_namespace_has_three_spellings():
    index = connect(KEY).Index(host=INDEXES["gflops-serverless"])
    lists = [ids_of_listing(index), ids_of_listing(index, namespace=""), ids_of_listing(index, namespace="__default__")]
    assert lists[0] == lists[1] == lists[2] and len(lists[0]) == 10, lists
    assert len(index.fetch(ids=["faq/a+b", "faq/100%", "faq/What does it cost?"]).vectors) == 3


@check
def odd_ids_are_fetched_as_they_were_upserted():
    index = scratch("odd", [{"id": id, "values": vector(n), "metadata": {"id": id}} for n, id in enumerate(ODD)])
    found = index.fetch(ids=[*ODD, "absent"], namespace="odd")
    assert sorted(found.vectors) == sorted(ODD), sorted(found.vectors)
    for number, id in enumerate(ODD):
        record = found.vectors[id]
        assert record.id == id and record.metadata == {"id": id}
        assert list(record.values) == vector(number), record.values
    assert ids_of_listing(index, namespace="odd") == sorted(ODD)


@check
def many_ids_are_fetched_at_once():
    index = scratch("many", [{"id": f"id-{n:04}", "values": vector(n)} for n in range(1000)])
    ids = ids_of_listing(index, namespace="many")
    assert len(ids) == 1000
    assert len(index.fetch(ids=ids, namespace="many").vectors) == 1000


@check
def metadata_keeps_its_types_and_numbers_become_floats():
    metadata = {"n": 1, "f": 2.5, "big": 2**53, "neg": -0.0, "s": "1", "b": True, "l": ["x", "y"], "e": [], "ü \"q\"": "日本 🚲"}
    index = scratch("types", [{"id": "a", "values": vector(0), "metadata": metadata}, {"id": "b", "values": vector(1)}])
    found = index.fetch(ids=["a", "b"], namespace="types").vectors
    assert found["a"].metadata == metadata, found["a"].metadata
    assert isinstance(found["a"].metadata["n"], float) and found["a"].metadata["b"] is True
    assert math.copysign(1, found["a"].metadata["neg"]) == -1
    assert not found["b"].metadata


@check
def values_are_kept_as_f32():
    index = scratch("f32", [{"id": "a", "values": [0.1, 1e-7, 123456.789, 1.0, 2.0, 3.0, 4.0, 5.0]}])
    values = index.fetch(ids=["a"], namespace="f32").vectors["a"].values
    assert values[0] == 0.1 and abs(values[2] - 123456.789) < 0.01 and values[2] != 123456.789, values


@check
def sparse_values_are_kept():
    sparse = {"indices": [1, 312, 4294967295], "values": [0.5, 0.25, 1.5]}
    index = scratch("sparse", [{"id": "a", "values": vector(0), "sparse_values": sparse}])
    found = index.fetch(ids=["a"], namespace="sparse").vectors["a"].sparse_values
    assert list(found.indices) == sparse["indices"] and list(found.values) == sparse["values"]
    only = connect(KEY).Index(host=INDEXES["scratch-sparse"])
    only.upsert(vectors=[{"id": "a", "sparse_values": sparse}], namespace="ns")
    assert not only.fetch(ids=["a"], namespace="ns").vectors["a"].values
    assert only.query(sparse_vector=sparse, top_k=1, namespace="ns").matches[0].id == "a"


@check
def an_upsert_replaces_the_whole_record():
    index = scratch("replace", [{"id": "a", "values": vector(0), "metadata": {"old": 1}}])
    answer = index.upsert(vectors=[{"id": "a", "values": vector(1), "metadata": {"new": 1}}], namespace="replace")
    assert answer.upserted_count == 1
    record = index.fetch(ids=["a"], namespace="replace").vectors["a"]
    assert record.metadata == {"new": 1} and list(record.values) == vector(1)


@check
def an_update_merges_metadata_and_leaves_values():
    index = scratch("update", [{"id": "a", "values": vector(0), "metadata": {"kept": "x", "changed": 1}}])
    index.update(id="a", set_metadata={"changed": 2, "added": True}, namespace="update")
    record = index.fetch(ids=["a"], namespace="update").vectors["a"]
    assert record.metadata == {"kept": "x", "changed": 2, "added": True} and list(record.values) == vector(0)
    index.update(id="a", values=vector(3), namespace="update")
    record = index.fetch(ids=["a"], namespace="update").vectors["a"]
    assert list(record.values) == vector(3) and record.metadata["kept"] == "x"
    index.update(id="nobody", set_metadata={"x": 1}, namespace="update")


@check
def an_update_by_filter_counts_what_it_matched():
    records = [{"id": f"{n}", "values": vector(n), "metadata": {"even": n % 2 == 0}} for n in range(10)]
    index = scratch("by-filter", records)
    answer = index.update(filter={"even": {"$eq": True}}, set_metadata={"x": 1}, namespace="by-filter", dry_run=True)
    assert answer.matched_records == 5, answer
    index.update(filter={"even": {"$eq": True}}, set_metadata={"x": 1}, namespace="by-filter")
    found = index.fetch_by_metadata(filter={"x": {"$exists": True}}, namespace="by-filter", limit=3)
    assert len(found.vectors) == 3 and found.pagination.next
    rest = index.fetch_by_metadata(
        filter={"x": {"$exists": True}}, namespace="by-filter", limit=3, pagination_token=found.pagination.next
    )
    assert len(rest.vectors) == 2 and not (set(rest.vectors) & set(found.vectors))


@check
def a_query_finds_the_nearest_first_with_a_filter_or_by_id():
    records = [
        {"id": f"{n}", "values": [1.0] + [0.0] * n + [float(n)] + [0.0] * (6 - n), "metadata": {"n": n, "odd": n % 2 == 1}}
        for n in range(7)
    ]
    index = scratch("query", records)
    found = index.query(vector=[1.0] + [0.0] * 7, top_k=3, namespace="query", include_values=True, include_metadata=True)
    assert [match.id for match in found.matches] == ["0", "1", "2"], found
    assert abs(found.matches[0].score - 1.0) < 1e-6 and found.matches[0].metadata == {"n": 0, "odd": False}
    assert list(found.matches[1].values) == records[1]["values"]
    found = index.query(
        vector=[1.0] + [0.0] * 7, top_k=10, namespace="query", filter={"odd": True, "n": {"$gte": 3}}
    )
    assert [match.id for match in found.matches] == ["3", "5"] and not found.matches[0].values
    assert index.query(id="4", top_k=1, namespace="query").matches[0].id == "4"
    assert found.usage.read_units > 0 and found.namespace == "query"


@check
def embeddings_of_the_sample_can_be_searched():
    index = connect(KEY).Index("askdona")
    record = index.fetch(ids=["charging-the-battery#1"], namespace="help-centre").vectors["charging-the-battery#1"]
    found = index.query(vector=list(record.values), top_k=3, namespace="help-centre", include_metadata=True)
    assert found.matches[0].id == "charging-the-battery#1"
    assert all("batter" in match.metadata["text"].lower() for match in found.matches), found


@check
def namespaces_are_listed_and_described():
    index = scratch("described", [{"id": "a", "values": vector(0)}, {"id": "b", "values": vector(1)}])
    described = index.describe_namespace(namespace="described")
    assert described.name == "described" and int(described.record_count) == 2, described
    source = connect(KEY).Index(host=INDEXES["gflops-serverless"])
    listed = source.list_namespaces_paginated(limit=2)
    assert [namespace.name for namespace in listed.namespaces] == ["__default__", "help-centre"], listed
    rest = source.list_namespaces_paginated(limit=2, pagination_token=listed.pagination.next)
    assert [namespace.name for namespace in rest.namespaces] == ["release-notes"]
    refused(lambda: index.describe_namespace(namespace="nowhere"), status=404, text="not found")


@check
def a_wrong_dimension_is_refused_and_nothing_is_written():
    index = connect(KEY).Index(host=INDEXES["scratch"])
    records = [{"id": "good", "values": vector(0)}, {"id": "bad", "values": [0.5, 0.25]}]
    text = "Vector dimension 2 does not match the dimension of the index 8"
    refused(lambda: index.upsert(vectors=records, namespace="refused"), status=400, text=text)
    refused(lambda: index.query(vector=[0.5, 0.25], top_k=1, namespace="refused"), status=400, text=text)
    assert not index.fetch(ids=["good"], namespace="refused").vectors


@check
def other_bad_records_are_refused():
    index = connect(KEY).Index(host=INDEXES["scratch"])
    upsert = lambda **record: index.upsert(vectors=[{"id": "a", "values": vector(0), **record}], namespace="refused")
    refused(lambda: upsert(values=[0.0] * 8), status=400, text="non-zero")
    refused(lambda: upsert(metadata={"x": "y" * 41_000}), status=400, text="exceeds the limit of 40960 bytes")
    refused(lambda: upsert(metadata={"$x": 1}), status=400, text="$x")


@check
def records_are_deleted_and_counted_as_forbidden():
    before = sandbox("GET", "/sandbox/state")["forbidden_calls"]
    records = [{"id": f"{n}", "values": vector(n), "metadata": {"n": n}} for n in range(5)]
    index = scratch("deleted", records)
    index.delete(ids=["0", "1"], namespace="deleted")
    index.delete(filter={"n": {"$eq": 2}}, namespace="deleted")
    assert ids_of_listing(index, namespace="deleted") == ["3", "4"]
    index.delete(delete_all=True, namespace="deleted")
    assert ids_of_listing(index, namespace="deleted") == []
    scratch("dropped", records).delete_namespace(namespace="dropped")
    assert "dropped" not in [namespace.name for namespace in index.list_namespaces_paginated(limit=100).namespaces]
    refused(lambda: index.delete(ids=["a"], namespace="nowhere"), status=404, text="not found")
    assert sandbox("GET", "/sandbox/state")["forbidden_calls"] == before + 5
