//! What the services have taught about their limits.

use protocol::{LearnedLimit, Service};

use super::Connections;

impl Connections {
    /// What the services said about their limits since this process connected to them.
    pub fn learned_limits(&self) -> Vec<LearnedLimit> {
        let source = self.source.get().map(|index| index.learned());
        let target = self.target.get().map(pinecone::TargetIndex::learned);
        let gemini = self.gemini.get().map(gemini::Gemini::learned);
        [(Service::Source, source), (Service::Target, target), (Service::Gemini, gemini)]
            .into_iter()
            .flat_map(|(service, learned)| learned.unwrap_or_default().into_iter().map(move |m| (service, m)))
            .map(|(service, message)| LearnedLimit { service: service.label().to_owned(), message })
            .collect()
    }
}
