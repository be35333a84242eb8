//! Where a new run takes its ids from: both listings, the plan of an analysis, or the failures of another run.

use protocol::{Plan, RunId, RunKind, RunRequest, RunView, Writing};
use sync::Origin;

use super::{Runs, StartError, namespace_of, writing};

impl Runs {
    /// What a request means: the plan is looked up by its hash, and whoever tries failures again gets the options of
    /// the run in which they failed.
    pub(super) async fn origin_of(&self, request: RunRequest) -> Result<(RunRequest, Origin), StartError> {
        if request.plan.is_some() || request.retry.is_some() {
            self.see_off(None).await;
        }
        match (&request.plan, &request.retry) {
            (None, None) => Ok((request, Origin::Listing)),
            (Some(hash), None) => {
                let (run, hash) = self.plan_of(&request, hash).await?;
                Ok((RunRequest { plan: Some(hash), ..request }, Origin::Plan(run)))
            }
            (None, Some(run)) => {
                let origin = Origin::Failures(run.clone());
                Ok((self.retry_of(run, request.dry_run).await?, origin))
            }
            (Some(_), Some(_)) => {
                let message =
                    "a run takes its records from a plan or from another run's failures, not from both";
                Err(StartError::invalid("plan", message))
            }
        }
    }

    /// The analysis that left a plan, and the plan's whole hash.
    async fn plan_of(&self, request: &RunRequest, hash: &str) -> Result<(RunId, String), StartError> {
        let namespace = namespace_of(request)?;
        let refuse = |message: String| StartError::invalid("plan", message);
        if request.kind == RunKind::Analyze {
            return Err(refuse("an analysis makes a plan and follows none".to_owned()));
        }
        let unknown = || {
            refuse(format!(
                "there is no plan {hash} of namespace {namespace} for this target; `tain analyze` makes one, and a \
                 plan is forgotten with its run"
            ))
        };
        let run = self.store.plan(&self.ledger_of(request)?, hash).await?.ok_or_else(unknown)?;
        let view = self.store.view(&run).await?.ok_or_else(unknown)?;
        let plan = view.plan.as_ref().ok_or_else(unknown)?;
        let differences = self.differences(request, &view, plan);
        if differences.is_empty() {
            return Ok((run, plan.hash.clone()));
        }
        Err(refuse(format!(
            "plan {hash} was made for something else: {}; analyze again, or ask for what it was made for",
            differences.join(", ")
        )))
    }

    /// What was different when a plan was made, in words.
    fn differences(&self, request: &RunRequest, view: &RunView, plan: &Plan) -> Vec<String> {
        let (source, target) = self.connections.index_names();
        let settings = self.connections.settings();
        let planned = &view.head.request;
        let mut differences = Vec::new();
        let mut compare = |what: &str, planned: &str, now: &str| {
            if planned != now {
                differences.push(format!("{what} was {planned} and is {now}"));
            }
        };
        compare("the source", &view.head.source, source);
        compare("the target", &view.head.target, target);
        let planned_to_write = Writing {
            text_key: plan.text_key.clone(),
            added: plan.added.clone(),
            made_by: plan.made_by.clone(),
        };
        let writes = settings.writing();
        for part in writing::Part::ALL {
            compare(part.words(), part.of(&planned_to_write), part.of(&writes));
        }
        compare("--reuse", planned.reuse.as_str(), request.reuse.as_str());
        let overwrites = |request: &RunRequest| if request.overwrite_added { "given" } else { "not given" };
        compare("--overwrite-added", overwrites(planned), overwrites(request));
        if planned.kind == RunKind::Reembed && request.kind == RunKind::Mirror {
            differences.push("it says nothing of changed records, which a mirror updates".to_owned());
        }
        differences
    }

    /// The run that tries the failures of another one again: that one's options, and its records.
    async fn retry_of(&self, id: &RunId, dry_run: bool) -> Result<RunRequest, StartError> {
        let view = self.view(id).await?.ok_or_else(|| StartError::UnknownRun(id.clone()))?;
        let refuse = |message: String| Err(StartError::invalid("retry", message));
        if view.state.is_live() {
            return refuse(format!("run {id} is still at work; wait for it to end, or pause it"));
        }
        self.require_same_indexes(&view.head)?;
        let request = view.head.request;
        if request.namespaces.is_some() {
            return refuse(format!("run {id} is over several namespaces; try the run of each again"));
        }
        if view.progress.counts.failed == 0 {
            return refuse(format!("no record failed in run {id}, so there is nothing to try again"));
        }
        let dry_run = dry_run || request.dry_run;
        Ok(RunRequest { plan: None, retry: Some(id.clone()), dry_run, ..request })
    }
}
