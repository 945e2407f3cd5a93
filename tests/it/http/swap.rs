//! Other versions of a classifier while calls are in flight: each is answered, by one version and no mixture of two.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio::task::JoinSet;

use super::fake::{Server, until};
use super::texts::{self, LETTERS, classifier, letter};

const SWAPS: u32 = 20;
const CLIENTS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_swaps_under_load_fail_no_call() {
    let server = Server::open().await;
    let folder = server.data_dir.path();
    let swap = |number: u32| {
        let labels = ["甲", "乙", "丙"].map(|it| format!("{it}{number}"));
        let added = classifier::activate(folder, "letters", &labels.each_ref().map(String::as_str));
        assert_eq!(added, number);
        server.routing.refresh();
    };
    swap(1);
    let (seen, is_over) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (seen, is_over, addr) = (Arc::clone(&seen), Arc::clone(&is_over), server.addr);
        clients.spawn(async move {
            let mut n_answers = 0_usize;
            while !is_over.load(Ordering::SeqCst) {
                let answer = texts::post(addr, LETTERS, &letter("", "戶籍")).await;
                assert_eq!(answer.status, 200, "{answer:?}");
                let item = answer.json()["items"][0].clone();
                let version: u32 = item["model"]["version"].as_str().unwrap().parse().unwrap();
                assert_eq!(item["labels"][0]["code"], format!("丙{version}"));
                seen.fetch_max(version, Ordering::SeqCst);
                n_answers += 1;
            }
            n_answers
        });
    }
    for number in 2..=SWAPS + 1 {
        swap(number);
        // The next one comes while calls of this one are answered.
        let seen = Arc::clone(&seen);
        until(move || seen.load(Ordering::SeqCst) == number).await;
    }
    is_over.store(true, Ordering::SeqCst);
    let answers: Vec<usize> = clients.join_all().await;
    assert!(SWAPS as usize <= answers.iter().sum(), "{answers:?}");
}
