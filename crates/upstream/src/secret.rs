//! What must never be seen in an error, a note or a log.

use secrecy::{ExposeSecret, SecretString};

/// The secrets that were sent to an upstream, kept to take them out of whatever it answers.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<SecretString>);

impl Secrets {
    /// Shorter strings than this are words and not keys: taking them out would only garble messages.
    const SHORTEST: usize = 4;

    /// A credential may stand behind the name of its scheme (`ApiKey …`), which whoever repeats it may leave out.
    pub(crate) fn new(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        let both = |secret: SecretString| {
            let bare = secret.expose_secret().split_once(' ').map(|(_, bare)| SecretString::from(bare));
            std::iter::once(secret).chain(bare)
        };
        let all = secrets.into_iter().flat_map(both);
        Self(all.filter(|secret| secret.expose_secret().len() >= Self::SHORTEST).collect())
    }

    /// The text with every secret replaced by `***`.
    pub(crate) fn redact(&self, text: String) -> String {
        self.0.iter().fold(text, |text, secret| {
            if text.contains(secret.expose_secret()) {
                text.replace(secret.expose_secret(), "***")
            } else {
                text
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_occurrence_is_taken_out() {
        let secrets = Secrets::new(["sk-12345".into(), "k".into()]);
        assert_eq!(secrets.redact("key sk-12345 (sk-12345) is bad".into()), "key *** (***) is bad");
        let secrets = Secrets::new(["ApiKey c2VjcmV0".into()]);
        assert_eq!(secrets.redact("ApiKey c2VjcmV0: c2VjcmV0".into()), "***: ***");
    }
}
