//! 信件複審 and 公文分文 as pages: what the server writes before their script asks the API.

use std::sync::Arc;

use axum::Extension;
use fenwen::base::SystemClock;
use fenwen::policy::{Principal, Scope};

use super::client::{Answer, get};
use super::fake::{Server, pages};
use super::texts::{LETTERS, classifier, cx, letter, post, ready};

/// Bytes of a page.
const MAX_PAGE: usize = 150 << 10;

/// A page of a server's console, for somebody with these scopes.
async fn page(server: &Server, path: &str, scopes: &[Scope]) -> Answer {
    let pages = pages::over(
        &server.data_dir,
        (&server.service, &server.jobs, &server.reviews),
        (&server.gate, &server.audit),
        (&server.store, Arc::new(SystemClock)),
        None,
    );
    let local = Principal::local("u-1".to_owned(), "301000000A".to_owned());
    let principal = Principal { scopes: scopes.iter().copied().collect(), ..local };
    let router = pages.unwrap().router.layer(Extension(Arc::new(principal)));
    let router = router.layer(Extension(cx(Some("301000000A"))));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, router).into_future());
    get(addr, path).await
}

fn html(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).unwrap()
}

#[tokio::test]
async fn the_screens_hold_words_and_labels_and_nothing_of_a_letter() {
    let server = ready().await;
    let labels = ["<script>alert(1)</script>", "役政司", "戶政司"];
    classifier::activate(server.data_dir.path(), "letters", &labels);
    server.routing.refresh();
    post(server.addr, LETTERS, &letter("兵役SECRET", "緩徵SECRET")).await;
    let officer = [Scope::ReviewsWork, Scope::LettersReview];
    for path in ["/console/letters", "/console/documents"] {
        let shown = page(&server, path, &officer).await;
        assert_eq!(shown.status, 200, "{path}");
        let policy = shown.header("content-security-policy");
        assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(shown.header("cache-control"), "no-store");
        assert!(shown.body.len() < MAX_PAGE, "{path}: {} bytes", shown.body.len());
        let html = html(&shown);
        assert!(!html.contains("SECRET") && !html.contains("<script>"), "{path}");
        assert!(html.contains("data-assign=\"false\""), "{path}");
        for link in html.split('"').filter(|it| it.starts_with("/console/assets/")) {
            let file = page(&server, link, &officer).await;
            assert!(file.status == 200 && !file.body.is_empty(), "{link}");
        }
    }
    let letters = html(&page(&server, "/console/letters", &officer).await);
    assert!(letters.contains("&#60;script&#62;alert(1)"), "labels are escaped");
    let chief = [Scope::ReviewsWork, Scope::ReviewsAssign];
    let documents = page(&server, "/console/documents?lang=en", &chief).await;
    assert!(html(&documents).contains("data-assign=\"true\""));
    assert!(html(&documents).contains("min=\"95\""), "the threshold of batches");
}

#[tokio::test]
async fn the_first_screen_counts_what_waits_for_whoever_decides() {
    let server = ready().await;
    post(server.addr, LETTERS, &letter("戶籍", "遷入")).await;
    let shown = page(&server, "/console", &[Scope::ReviewsWork, Scope::LettersReview]).await;
    let tile = "<a href=\"/console/letters\">信件複審</a><strong>1</strong>";
    assert!(html(&shown).contains(tile), "{}", html(&shown));
    let shown = page(&server, "/console", &[Scope::JobsRead]).await;
    assert!(!html(&shown).contains("<strong>1</strong>"));
}
