//! The external sort: for a listing that broke its order, without holding it in memory.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
};

/// Ids that are sorted in memory at once; a chunk of UUIDs takes about 15 MB.
const CHUNK_IDS: usize = 200_000;
/// Ids in a page of the sorted listing.
const PAGE_IDS: usize = 100;

/// Collects ids in any order, in sorted files that vanish with it.
#[derive(Debug, Default)]
pub(crate) struct Spool {
    chunk: Vec<String>,
    files: Vec<File>,
    chunk_ids: Option<usize>,
}

impl Spool {
    /// A spool that sorts fewer ids at once, so that tests reach the merge.
    #[cfg(test)]
    fn with_chunks_of(ids: usize) -> Self {
        Self { chunk_ids: Some(ids), ..Self::default() }
    }

    /// Takes ids in.
    pub fn push(&mut self, ids: Vec<String>) -> io::Result<()> {
        self.chunk.extend(ids);
        if self.chunk.len() >= self.chunk_ids.unwrap_or(CHUNK_IDS) {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.chunk.sort_unstable();
        let mut writer = BufWriter::new(tempfile::tempfile()?);
        for id in self.chunk.drain(..) {
            // An id may hold any ASCII character, line ends too, so its length stands before it.
            let length = u32::try_from(id.len()).map_err(io::Error::other)?;
            writer.write_all(&length.to_le_bytes())?;
            writer.write_all(id.as_bytes())?;
        }
        let mut file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        self.files.push(file);
        Ok(())
    }

    /// The ids in ascending order, each once, page by page. Blocks on files: not for the runtime's threads.
    pub fn sorted(mut self, mut page: impl FnMut(Vec<String>) -> bool) -> io::Result<()> {
        self.flush()?;
        let mut readers: Vec<BufReader<File>> = self.files.into_iter().map(BufReader::new).collect();
        let mut heads = BinaryHeap::new();
        for (index, reader) in readers.iter_mut().enumerate() {
            if let Some(id) = next_id(reader)? {
                heads.push(Reverse((id, index)));
            }
        }
        let mut ids: Vec<String> = Vec::with_capacity(PAGE_IDS);
        let mut last: Option<String> = None;
        while let Some(Reverse((id, index))) = heads.pop() {
            if let Some(next) = next_id(&mut readers[index])? {
                heads.push(Reverse((next, index)));
            }
            if last.as_deref() == Some(id.as_str()) {
                continue;
            }
            last = Some(id.clone());
            ids.push(id);
            if ids.len() == PAGE_IDS && !page(std::mem::take(&mut ids)) {
                return Ok(());
            }
        }
        if !ids.is_empty() {
            page(ids);
        }
        Ok(())
    }
}

fn next_id(reader: &mut impl Read) -> io::Result<Option<String>> {
    let mut length = [0; 4];
    match reader.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut id = vec![0; usize::try_from(u32::from_le_bytes(length)).map_err(io::Error::other)?];
    reader.read_exact(&mut id)?;
    String::from_utf8(id).map(Some).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_pages_come_out_sorted_and_once(
            pages in prop::collection::vec(prop::collection::vec("[\\x01-\\x7f]{1,6}", 0..40), 0..12),
            chunk in 1_usize..50,
        ) {
            let mut spool = Spool::with_chunks_of(chunk);
            let expected: BTreeSet<String> = pages.iter().flatten().cloned().collect();
            for page in pages {
                spool.push(page).expect("the temporary file can be written");
            }
            let mut sorted = Vec::new();
            spool.sorted(|page| { sorted.extend(page); true }).expect("the temporary file can be read");
            prop_assert_eq!(sorted, expected.into_iter().collect::<Vec<_>>());
        }
    }
}
