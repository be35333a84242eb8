//! The built-in sample.

use crate::Error;
use crate::state::State;

/// Loads the sample into source and target.
pub(crate) fn load(_: &State) -> Result<(), Error> {
    Ok(())
}
