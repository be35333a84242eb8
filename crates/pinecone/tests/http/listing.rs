//! Listing ids.

use super::*;

async fn list(server: &MockServer, namespace: &str) -> Result<Vec<Vec<String>>, Error> {
    source(server).await.list(&ns(namespace)).try_collect().await
}

/// Answers the first page and what follows each token.
async fn pages(server: &MockServer, pages: &[(Option<&str>, Value)]) {
    for (token, page) in pages {
        let mock = Mock::given(method("GET")).and(path("/vectors/list"));
        let mock = match token {
            Some(token) => mock.and(query_param("paginationToken", *token)),
            None => mock.and(query_param_is_missing("paginationToken")),
        };
        mock.respond_with(json(200, page.clone())).mount(server).await;
    }
}

#[tokio::test]
async fn it_goes_on_as_long_as_there_is_a_token() {
    let server = server().await;
    pages(
        &server,
        &[
            (None, page(&["A", "Z", "a"], Some("t=1"))),
            (Some("t=1"), page(&[], Some("t2"))),
            (Some("t2"), page(&["a", "b"], Some("t3"))),
            (Some("t3"), page(&["c d", "c\u{7f}"], None)),
        ],
    )
    .await;
    let pages = list(&server, "n s").await.unwrap();
    assert_eq!(pages, [strings(&["A", "Z", "a"]), vec![], strings(&["b"]), strings(&["c d", "c\u{7f}"])]);
    let requests = requests_to(&server, "/vectors/list").await;
    assert_eq!(requests[0].url.query(), Some("namespace=n%20s&limit=100"));
    assert_eq!(requests[1].url.query(), Some("namespace=n%20s&limit=100&paginationToken=t%3D1"));
}

#[tokio::test]
async fn a_listing_is_taken_up_from_the_token_of_any_page() {
    let server = server().await;
    pages(
        &server,
        &[
            (None, page(&["a", "b"], Some("t"))),
            (Some("t"), page(&["b", "c"], Some("u"))),
            (Some("u"), page(&["d"], None)),
        ],
    )
    .await;
    let source = source(&server).await;
    let whole: Vec<ListPage> = source.list_from(&ns("ns"), None).try_collect().await.unwrap();
    let made = |ids: &[&str], token: Option<&str>, next: Option<&str>| ListPage {
        ids: strings(ids),
        token: token.map(str::to_owned),
        next: next.map(str::to_owned),
    };
    let (last, first) = (made(&["d"], Some("u"), None), made(&["a", "b"], None, Some("t")));
    assert_eq!(whole, [first, made(&["c"], Some("t"), Some("u")), last.clone()]);
    let rest: Vec<ListPage> = source.list_from(&ns("ns"), Some("t".into())).try_collect().await.unwrap();
    // What the page repeats of the one before it is not known here.
    assert_eq!(rest, [made(&["b", "c"], Some("t"), Some("u")), last]);
}

#[tokio::test]
async fn a_resumed_listing_is_in_order_and_in_no_circle() {
    let server = server().await;
    pages(
        &server,
        &[
            (Some("t"), page(&["b"], Some("u"))),
            (Some("u"), page(&["a"], None)),
            (Some("circle"), page(&["x"], Some("circle"))),
        ],
    )
    .await;
    let source = source(&server).await;
    let from = |token: &str| source.list_from(&ns("ns"), Some(token.to_owned())).try_collect::<Vec<_>>();
    assert!(from("t").await.unwrap_err().is_out_of_order());
    assert!(matches!(from("circle").await.unwrap_err(), Error::RepeatedToken { .. }));
}

#[tokio::test]
async fn an_expired_token_is_told_from_a_refused_listing() {
    let server = server().await;
    answer(&server, "GET", "/vectors/list", rpc(400, 3, "Invalid pagination token")).await;
    let source = source(&server).await;
    let expired = source.list_from(&ns("ns"), Some("old".into())).try_collect::<Vec<_>>().await.unwrap_err();
    assert!(expired.is_token_refused());
    assert_eq!(*expired.kind(), Kind::Refused);
    assert!(expired.to_string().ends_with("Invalid pagination token"), "{expired}");
    assert!(!list(&server, "ns").await.unwrap_err().is_token_refused());
}

#[tokio::test]
async fn the_default_namespace_is_not_named() {
    let server = server().await;
    pages(&server, &[(None, page(&["a"], None))]).await;
    list(&server, "__default__").await.unwrap();
    assert_eq!(requests_to(&server, "/vectors/list").await[0].url.query(), Some("limit=100"));
}

#[tokio::test]
async fn the_end_has_several_spellings() {
    for pagination in [json!(null), json!({}), json!({"next": null}), json!({"next": ""})] {
        let server = server().await;
        let mut last = page(&["a"], None);
        last["pagination"] = pagination;
        pages(&server, &[(None, last)]).await;
        assert_eq!(list(&server, "ns").await.unwrap(), [strings(&["a"])]);
    }
}

#[tokio::test]
async fn disorder_is_an_error_and_can_still_be_read() {
    for bad in [&["b", "c", "a"][..], &["B", "a", "Z"]] {
        let server = server().await;
        pages(
            &server,
            &[
                (None, page(&["A"], Some("t"))),
                (Some("t"), page(bad, Some("u"))),
                (Some("u"), page(&["z"], None)),
            ],
        )
        .await;
        let source = source(&server).await;
        let results: Vec<_> = source.list(&ns("ns")).collect().await;
        assert_eq!(results.len(), 2, "the error must be the end");
        assert!(results[0].is_ok());
        assert!(results[1].as_ref().unwrap_err().is_out_of_order());
        let all: Vec<String> = source.list_unordered(&ns("ns")).try_concat().await.unwrap();
        assert_eq!(all.len(), 5);
    }
    let server = server().await;
    pages(&server, &[(None, page(&["b"], Some("t"))), (Some("t"), page(&["a"], None))]).await;
    let error = list(&server, "ns").await.unwrap_err();
    assert_eq!(error.to_string(), r#"idx: the listing is not in order: "a" came after "b""#);
}

#[tokio::test]
async fn a_listing_that_goes_in_circles_is_an_error() {
    let server = server().await;
    pages(
        &server,
        &[(None, page(&[], Some("t"))), (Some("t"), page(&[], Some("u"))), (Some("u"), page(&[], Some("t")))],
    )
    .await;
    let error = list(&server, "ns").await.unwrap_err();
    assert!(matches!(error, Error::RepeatedToken { .. }), "{error}");
}

#[tokio::test]
async fn a_missing_namespace_is_empty_and_a_missing_page_is_not() {
    let server = server().await;
    answer(&server, "GET", "/vectors/list", rpc(404, 5, "Namespace not found")).await;
    assert_eq!(list(&server, "ns").await.unwrap(), [strings(&[])]);
    let broken = super::server().await;
    pages(&broken, &[(None, page(&["a"], Some("t")))]).await;
    Mock::given(query_param("paginationToken", "t"))
        .respond_with(rpc(404, 5, "Namespace not found"))
        .mount(&broken)
        .await;
    assert!(list(&broken, "ns").await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn what_is_no_listing_is_never_taken_for_an_empty_one() {
    for response in [
        text(404, "<html><title>404</title>"),
        rpc(404, 5, "Not found"),
        json(200, json!({})),
        json(200, json!({"message": "try later"})),
        json(200, json!({"vectors": null})),
        text(200, ""),
        text(200, r#"{"vectors":[{"id":"a"}],"pagination""#),
        text(500, ""),
    ] {
        let server = server().await;
        answer(&server, "GET", "/vectors/list", response).await;
        assert!(list(&server, "ns").await.is_err());
    }
    // Protobuf's JSON leaves empty lists out.
    let server = server().await;
    answer(&server, "GET", "/vectors/list", json(200, json!({"namespace": "ns"}))).await;
    assert_eq!(list(&server, "ns").await.unwrap(), [strings(&[])]);
}

#[tokio::test]
async fn a_month_s_quota_is_not_waited_for() {
    let message = "Request failed. You've reached your read unit limit for the current month.\nTo continue reading data, upgrade your plan.";
    for response in [text(429, message), rpc(429, 8, message)] {
        let server = server().await;
        answer(&server, "GET", "/vectors/list", response).await;
        let error = list(&server, "ns").await.unwrap_err();
        assert!(error.is_quota());
        assert_eq!(*error.kind(), Kind::QuotaExhausted { period: Period::Month, resume_after: None });
        assert!(error.to_string().contains("for the current month"), "{error}");
        // 2026-11-21 12:00 and 2026-12-01 00:00, UTC.
        assert_eq!(error.quota_resets_at(1_795_262_400_000), Some(1_796_083_200_000));
    }
}

#[tokio::test]
async fn a_429_is_a_pause() {
    let server = server().await;
    Mock::given(path("/vectors/list"))
        .respond_with(
            text(429, "You've reached the max list requests per second").insert_header("retry-after", "0"),
        )
        .up_to_n_times(4)
        .mount(&server)
        .await;
    pages(&server, &[(None, page(&["a"], None))]).await;
    let meter = Meter::new();
    let source = source(&server).await.with_meter(meter.clone());
    let ids: Vec<String> = source.list(&ns("ns")).try_concat().await.unwrap();
    assert_eq!(ids, ["a"]);
    let stats = &meter.snapshot()[0];
    assert_eq!((stats.service.as_str(), stats.endpoint.as_str()), ("source", "list"));
    assert_eq!((stats.requests, stats.throttled, stats.succeeded), (5, 4, 1));
}
