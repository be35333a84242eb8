//! The middle stage: texts become vectors, and every text of a run is paid for once.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Weak},
};

use pinecone::EncodedRecord;
use protocol::{Counts, LogLevel, Step};
use store::{Digest, Vector};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
    time::Instant,
};

use crate::{
    context::{Context, FlowStage},
    ports::{Embed, Embedded, PortError, ReadIndex},
    record::{Candidate, Item, TextHash, values_digest},
    settings::MAX_UNWRITTEN_TEXTS,
};

/// Vectors that are kept for records whose text is equal, beside those that the target has not acknowledged yet; at 3,072
/// dimensions about 3 MB, and 6 MB for those.
const KEPT_VECTORS: usize = 256;
/// Records that may wait for a vector before no more are taken in.
const MAX_WAITING: usize = 1_000;

/// While somebody holds it, a text counts as paid for and not yet in the target.
pub(crate) type Paid = Arc<OwnedSemaphorePermit>;

/// A record that is ready to be written.
#[derive(Debug)]
pub(crate) struct Ready {
    pub record: EncodedRecord,
    pub item: Item,
    /// The vector, for the ledger, if this run made it.
    pub vector: Option<Vector>,
    /// What the record adds to `folded` or `reused` by the way in which it got its vector.
    pub how: Counts,
    pub paid: Option<Paid>,
}

/// A vector and what the ledger is told of it.
#[derive(Debug, Clone)]
struct Made {
    numbers: Arc<Vec<f32>>,
    ledger: Vector,
}

/// What is known of a text.
enum Text {
    /// It is being embedded; these records wait for it. The first one pays.
    Wanted(Vec<Candidate>),
    /// Here is its vector.
    Known(Known),
    /// Its vector was written to the target, in the record `first`, unless that was refused. What is read from there is
    /// this text's vector only if its numbers are these: the record may hold an older one, of another text.
    Written { first: Box<str>, values: Digest },
    /// The service refused it, with these words.
    Refused(String),
}

/// A vector that is kept, the record that was the first to take it, and whether that is under way to the target still.
struct Known {
    made: Made,
    first: Box<str>,
    paid: Weak<OwnedSemaphorePermit>,
}

impl Known {
    /// Whether its vector is nowhere but here.
    fn is_under_way(&self) -> bool {
        self.paid.strong_count() > 0
    }
}

/// What one run knows of the texts that it met.
#[derive(Default)]
pub(crate) struct Texts {
    by_hash: HashMap<TextHash, Text>,
    /// The known vectors, oldest first.
    kept: VecDeque<TextHash>,
}

impl Texts {
    /// Forgets who waits, after a run was interrupted to be continued: nobody will answer them.
    pub fn forget_waiting(&mut self) {
        self.by_hash.retain(|_, text| !matches!(text, Text::Wanted(_)));
    }

    /// Takes in that a text's vector is in the target, in this record and with these numbers.
    pub fn written(&mut self, hash: TextHash, first: &str, values: Digest) {
        self.by_hash.insert(hash, Text::Written { first: first.into(), values });
    }

    /// Keeps a vector, and lets the oldest one go that can be had from the target again. Those that cannot are bounded by
    /// what may be paid for and not yet written.
    fn keep(&mut self, hash: TextHash, known: Known) {
        self.by_hash.insert(hash, Text::Known(known));
        self.kept.push_back(hash);
        if self.kept.len() <= KEPT_VECTORS {
            return;
        }
        let under_way =
            |hash| matches!(self.by_hash.get(hash), Some(Text::Known(known)) if known.is_under_way());
        if let Some(oldest) = self.kept.iter().position(|hash| !under_way(hash))
            && let Some(hash) = self.kept.remove(oldest)
            && let Some(text) = self.by_hash.get_mut(&hash)
            && let Text::Known(Known { made, first, .. }) = text
        {
            *text = Text::Written { first: std::mem::take(first), values: made.ledger.values };
        }
    }
}

type Answer = (Vec<TextHash>, Vec<OwnedSemaphorePermit>, Result<Vec<Embedded>, PortError>);

/// The stage at work.
struct Embedding<'a, S, T, E> {
    context: &'a Arc<Context<S, T>>,
    embedder: E,
    texts: &'a mut Texts,
    out: mpsc::Sender<Ready>,
    /// Permits for texts that are paid for and not yet in the target.
    unwritten: Arc<Semaphore>,
    /// Texts that wait for their batch to fill.
    batch: Vec<TextHash>,
    deadline: Option<Instant>,
    waiting: usize,
    calls: JoinSet<Answer>,
    last_call: Option<Instant>,
}

/// Embeds candidates until both channels end; phase A has precedence over phase B.
pub(crate) async fn embed<S, T, E>(
    context: &Arc<Context<S, T>>,
    embedder: E,
    texts: &mut Texts,
    mut migrate: mpsc::Receiver<Candidate>,
    mut update: mpsc::Receiver<Candidate>,
    out: mpsc::Sender<Ready>,
) where
    S: ReadIndex,
    T: ReadIndex,
    E: Embed,
{
    let size = context.settings.embed_batch.min(embedder.max_texts()).max(1);
    let concurrency = context.settings.embed_concurrency.max(1);
    let mut stage = Embedding {
        context,
        embedder,
        texts,
        out,
        unwritten: Arc::new(Semaphore::new(MAX_UNWRITTEN_TEXTS)),
        batch: Vec::with_capacity(size),
        deadline: None,
        waiting: 0,
        calls: JoinSet::new(),
        last_call: None,
    };
    let (mut migrates, mut updates, mut winding) = (true, true, false);
    loop {
        let ended = !migrates && !updates;
        let full = stage.batch.len() >= size;
        let free = stage.calls.len() < concurrency;
        if !winding && free && (full || ended && !stage.batch.is_empty()) {
            stage.call();
            continue;
        }
        if stage.calls.is_empty() && (winding || ended && stage.batch.is_empty()) {
            break;
        }
        let takes = !winding && !full && stage.waiting < MAX_WAITING;
        let lingers = !winding && free && !stage.batch.is_empty();
        let deadline = stage.deadline.unwrap_or_else(Instant::now);
        tokio::select! {
            biased;
            Some(answer) = stage.calls.join_next() => match answer {
                Ok(answer) => stage.answered(answer).await,
                Err(panicked) => context.fail(Step::Migrate, PortError::internal(&panicked)),
            },
            () = context.wind_down.cancelled(), if !winding => winding = true,
            candidate = migrate.recv(), if takes && migrates => match candidate {
                Some(candidate) => stage.take(candidate).await,
                None => migrates = false,
            },
            candidate = update.recv(), if takes && updates => match candidate {
                Some(candidate) => stage.take(candidate).await,
                None => updates = false,
            },
            () = tokio::time::sleep_until(deadline), if lingers => stage.call(),
        }
        context.waiting(FlowStage::Embed, stage.waiting + migrate.len() + update.len());
    }
    let whole = !migrates && !updates && stage.batch.is_empty() && stage.waiting == 0;
    if !whole {
        context.leave();
    }
    stage.texts.forget_waiting();
}

impl<S: ReadIndex, T: ReadIndex, E: Embed> Embedding<'_, S, T, E> {
    /// Takes a record in: its text joins a batch, unless its vector is known, on its way, or stays as it is.
    async fn take(&mut self, mut candidate: Candidate) {
        if let Some(vector) = candidate.vector.take() {
            let how = Counts { reused: 1, ..Counts::default() };
            self.deliver(candidate, &vector, None, how, None).await;
            return;
        }
        let hash = candidate.text_hash;
        match self.texts.by_hash.get_mut(&hash) {
            None => self.want(hash, candidate),
            Some(Text::Wanted(waiting)) => {
                waiting.push(candidate);
                self.waiting += 1;
            }
            Some(Text::Known(known)) => {
                let Made { numbers, ledger } = known.made.clone();
                self.deliver(candidate, &numbers, Some(ledger), folded(), None).await;
            }
            Some(Text::Refused(message)) => {
                let message = message.clone();
                self.failed(candidate.item, message).await;
            }
            Some(Text::Written { first, values }) => {
                let (first, values) = ([first.to_string()], *values);
                self.read_back(candidate, &first, values).await;
            }
        }
    }

    fn want(&mut self, hash: TextHash, candidate: Candidate) {
        self.texts.by_hash.insert(hash, Text::Wanted(vec![candidate]));
        self.batch.push(hash);
        self.waiting += 1;
        self.deadline.get_or_insert_with(|| Instant::now() + self.context.settings.linger);
    }

    /// Gets the vector of a text that was embedded earlier in this run, and has these numbers, from the record that was
    /// written with it.
    async fn read_back(&mut self, candidate: Candidate, first: &[String; 1], values: Digest) {
        let context = self.context;
        let read =
            context.timed(FlowStage::Fetch, context.target.fetch_records(&context.namespace, first)).await;
        match read {
            Err(error) => context.fail(candidate.item.phase, error),
            Ok(records) => {
                let vector =
                    records.into_iter().find(|record| record.id == first[0]).map(|record| record.values);
                match vector.filter(|vector| values_digest(vector) == values) {
                    Some(vector) => {
                        let made = self.made(candidate.text_hash, vector);
                        let [first] = first;
                        let known =
                            Known { made: made.clone(), first: first.as_str().into(), paid: Weak::new() };
                        self.texts.keep(candidate.text_hash, known);
                        self.deliver(candidate, &made.numbers, Some(made.ledger), folded(), None).await;
                    }
                    None => {
                        // The target refused that record, does not show it yet, or somebody else has written it since.
                        context.recorder.log(
                            LogLevel::Warn,
                            format!(
                                "{}: its text was embedded for {}, whose new vector the target does not return: embedding \
                                 it again",
                                candidate.item.id, first[0]
                            ),
                        );
                        let hash = candidate.text_hash;
                        self.want(hash, candidate);
                    }
                }
            }
        }
    }

    /// Sends the batch on its way.
    fn call(&mut self) {
        let hashes = std::mem::take(&mut self.batch);
        self.deadline = None;
        let texts: Vec<String> = hashes
            .iter()
            .filter_map(|hash| match self.texts.by_hash.get(hash) {
                Some(Text::Wanted(waiting)) => waiting.first(),
                _ => None,
            })
            .map(|candidate| candidate.text(&self.context.settings).to_owned())
            .collect();
        debug_assert_eq!(texts.len(), hashes.len(), "every text of a batch is waited for");
        let not_before = self.last_call.map(|last| last + self.context.settings.batch_delay);
        self.last_call = Some(not_before.map_or_else(Instant::now, |at| at.max(Instant::now())));
        let (context, embedder, unwritten) =
            (self.context.clone(), self.embedder.clone(), self.unwritten.clone());
        self.calls.spawn(async move {
            if let Some(at) = not_before {
                tokio::time::sleep_until(at).await;
            }
            // Taken before paying: when too much is paid for and not yet written, this waits for the writing.
            let count = u32::try_from(texts.len()).unwrap_or(u32::MAX);
            let mut permits = Vec::with_capacity(texts.len());
            if let Ok(mut all) = unwritten.acquire_many_owned(count).await {
                while let Some(one) = all.split(1) {
                    permits.push(one);
                }
            }
            if context.wind_down.is_cancelled() {
                return (Vec::new(), permits, Ok(Vec::new()));
            }
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let answer = context.timed(FlowStage::Embed, embedder.embed(&texts)).await;
            (hashes, permits, answer)
        });
    }

    /// Hands vectors to the records that wait for them.
    async fn answered(&mut self, (hashes, permits, answer): Answer) {
        let outcomes = match answer {
            Ok(outcomes) if outcomes.len() == hashes.len() => outcomes,
            Ok(outcomes) => {
                let message = format!(
                    "gemini: {} outcomes for {} texts; nothing of it was used",
                    outcomes.len(),
                    hashes.len()
                );
                return self.context.fail(Step::Migrate, PortError::failed(message));
            }
            Err(error) => return self.context.fail(Step::Migrate, error),
        };
        for ((hash, outcome), permit) in hashes.into_iter().zip(outcomes).zip(permits) {
            let Some(Text::Wanted(waiting)) = self.texts.by_hash.remove(&hash) else { continue };
            self.waiting = self.waiting.saturating_sub(waiting.len());
            match outcome {
                Ok(vector) => {
                    let made = self.made(hash, vector);
                    let first = waiting.first();
                    let tokens =
                        first.map_or(0, |first| gemini::estimate_tokens(first.text(&self.context.settings)));
                    let paid = Counts { embedded: 1, tokens, ..Counts::default() };
                    self.context.recorder.add(&paid);
                    self.context.journal.spent(paid).await;
                    let first = first.map(|first| first.item.id.as_str().into()).unwrap_or_default();
                    let paid = Arc::new(permit);
                    self.texts.keep(hash, Known { made: made.clone(), first, paid: Arc::downgrade(&paid) });
                    let mut paid = Some(paid);
                    for candidate in waiting {
                        let how = if paid.is_some() { Counts::default() } else { folded() };
                        let ledger = Some(made.ledger.clone());
                        self.deliver(candidate, &made.numbers, ledger, how, paid.take()).await;
                    }
                }
                Err(message) => {
                    self.texts.by_hash.insert(hash, Text::Refused(message.clone()));
                    for candidate in waiting {
                        self.failed(candidate.item, message.clone()).await;
                    }
                }
            }
        }
    }

    fn made(&self, text: TextHash, numbers: Vec<f32>) -> Made {
        let values = values_digest(&numbers);
        let made_by = self.context.settings.made_by.clone();
        Made { numbers: Arc::new(numbers), ledger: Vector { text, values, made_by } }
    }

    async fn failed(&self, item: Item, message: String) {
        settle_failed(self.context, item, message).await;
    }

    async fn deliver(
        &self,
        candidate: Candidate,
        numbers: &[f32],
        vector: Option<Vector>,
        how: Counts,
        paid: Option<Paid>,
    ) {
        let Candidate { item, metadata, sparse, .. } = candidate;
        match EncodedRecord::new(&item.id, numbers, sparse.as_ref(), &metadata) {
            // If nobody writes any more, the run is being torn down and its record says so.
            Ok(record) => drop(self.out.send(Ready { record, item, vector, how, paid }).await),
            Err(error) => self.failed(item, error.to_string()).await,
        }
    }
}

/// A record that took the vector of an equal text.
fn folded() -> Counts {
    Counts { folded: 1, ..Counts::default() }
}

/// Makes known that a record failed on its way into the target.
pub(crate) async fn settle_failed<S, T>(context: &Context<S, T>, item: Item, message: String) {
    let (now, done) = item.failed(message, context.recorder.now());
    context.recorder.add(&now);
    if let Some(failure) = &done.failure {
        context.recorder.failed(failure);
    }
    context.journal.settled(vec![done]).await;
}
