"""google-genai 3.4.0, which calls /v1 unless it is told otherwise."""

import functools
import math

from google import genai
from google.genai import types
from harness import KEY, URL, check, refused, run

FIRST, SECOND = "gemini-embedding-001", "gemini-embedding-2"


# A client that nobody holds closes its connections, even in the middle of a call.
@functools.cache
def client(key=KEY, version=None):
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=URL, api_version=version))


def embed(contents, model=FIRST, **config):
    answer = client().models.embed_content(
        model=model, contents=contents, config=types.EmbedContentConfig(**config) if config else None
    )
    return [embedding.values for embedding in answer.embeddings]


def length(values):
    return math.sqrt(sum(value * value for value in values))


def cosine(one, other):
    return sum(a * b for a, b in zip(one, other)) / length(one) / length(other)


@check
def one_text_gives_one_vector_of_length_one():
    vectors = embed("How do I charge the battery?")
    assert len(vectors) == 1 and len(vectors[0]) == 3072
    assert abs(length(vectors[0]) - 1) < 1e-3


@check
def many_texts_give_as_many_vectors_in_order():
    texts = [f"passage number {number}" for number in range(100)]
    vectors = embed(texts, task_type="RETRIEVAL_DOCUMENT", output_dimensionality=64)
    assert len(vectors) == 100 and all(len(vector) == 64 for vector in vectors)
    assert vectors[42] == embed(texts[42], task_type="RETRIEVAL_DOCUMENT", output_dimensionality=64)[0]


@check
def fewer_dimensions_are_a_prefix_that_is_not_normalised():
    whole, part = embed("a text")[0], embed("a text", output_dimensionality=768)[0]
    assert part == whole[:768] and length(part) < 0.99


@check
def the_second_model_normalises_all_dimensions():
    for dimensions in (768, 1536, 3072):
        assert abs(length(embed("a text", model=SECOND, output_dimensionality=dimensions)[0]) - 1) < 1e-3


@check
def the_second_model_joins_the_texts_of_a_content():
    assert len(embed(["a", "b"], model=SECOND)) == 1
    contents = [types.Content(parts=[types.Part(text=text)]) for text in ("a", "b")]
    assert len(embed(contents, model=SECOND)) == 2


@check
def the_task_type_changes_the_vector_slightly():
    document = embed("charging", task_type="RETRIEVAL_DOCUMENT")[0]
    query = embed("charging", task_type="RETRIEVAL_QUERY")[0]
    assert document != query and cosine(document, query) > 0.9


@check
def texts_that_share_words_are_near_each_other():
    question = embed("Where do I find my invoices?", task_type="RETRIEVAL_QUERY")[0]
    near = embed("Invoices are issued monthly; you find them in the app.", task_type="RETRIEVAL_DOCUMENT")[0]
    far = embed("Winter tyres with spikes are available in November.", task_type="RETRIEVAL_DOCUMENT")[0]
    assert cosine(question, near) > cosine(question, far) + 0.1


@check
def usage_is_reported():
    answer = client().models.embed_content(model=FIRST, contents="12345678")
    assert answer.usage_metadata.prompt_token_count == 2, answer.usage_metadata


@check
def the_beta_version_answers_as_well():
    answer = client(version="v1beta").models.embed_content(model=FIRST, contents="a")
    assert len(answer.embeddings[0].values) == 3072


@check
def tokens_are_counted():
    assert client().models.count_tokens(model=FIRST, contents=["12345678", "1234"]).total_tokens == 3


@check
def models_are_described_and_listed():
    model = client().models.get(model=FIRST)
    assert model.name == f"models/{FIRST}" and model.input_token_limit == 2048
    assert f"models/{SECOND}" in [model.name for model in client().models.list()]


@check
def more_than_a_hundred_texts_are_refused():
    refused(lambda: embed(["a"] * 101), status=400, text="at most 100 requests can be in one batch")


@check
def an_unknown_model_is_not_found():
    refused(lambda: embed("a", model="gemini-embedding-000"), status=404, text="is not found for API version")


@check
def an_unknown_task_type_and_an_empty_text_are_refused():
    refused(lambda: embed("a", task_type="NONSENSE"), status=400, text="task_type")
    refused(lambda: embed([types.Content(parts=[types.Part(text="")])]), status=400, text="empty")


@check
def too_many_dimensions_are_refused():
    refused(lambda: embed("a", output_dimensionality=4000), status=400, text="output_dimensionality")


@check
def a_wrong_key_is_refused():
    call = lambda: client(key="wrong").models.embed_content(model=FIRST, contents="a")
    error = refused(call, status=400, text="API key not valid")
    assert error.status == "INVALID_ARGUMENT"


run()
