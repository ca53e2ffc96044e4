use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::*;
use crate::{
    backend::{Recompute, Reflected, VectorChange, VectorHits, VectorRequest, VectorStats},
    embedding,
    id::ChunkId,
    library::{NoProgress, SearchRequest, VirtualDocument},
    ranking::Candidate,
    retrieval::{VectorCounts, VectorPlan},
    settings::Strategy,
    temporal::FixedClock,
};

/// Noon of 23 November 2026.
const NOW_MS: i64 = 1_795_435_200_000;

/// A moment at which a process dies: a counter that panics when it reaches zero.
#[derive(Debug, Default)]
struct Fate(AtomicUsize);

impl Fate {
    fn after(moments: usize) -> Arc<Self> {
        Arc::new(Self(AtomicUsize::new(moments)))
    }

    fn never() -> Arc<Self> {
        Self::after(usize::MAX)
    }

    /// A moment passes.
    fn pass(&self) {
        assert!(self.0.fetch_sub(1, Ordering::SeqCst) > 0, "killed");
    }
}

/// An engine that keeps every vector in one file, as a server would, and may die at any commit.
#[derive(Debug)]
struct FileBackend {
    path: PathBuf,
    dims: usize,
    fate: Arc<Fate>,
    state: Mutex<(BTreeMap<u64, Vec<f32>>, Reflected)>,
}

impl FileBackend {
    fn open(path: &Path, dims: usize, fate: Arc<Fate>) -> Self {
        let mut state = (BTreeMap::new(), Reflected::default());
        let bytes = std::fs::read(path).unwrap_or_default();
        let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        if !bytes.is_empty() {
            state.1 = Reflected { generation: Generation(word(0)), last_chunk: ChunkId(word(8)) };
            for row in bytes[16..].chunks_exact(8 + 4 * dims) {
                let numbers = row[8..].chunks_exact(4);
                let vector = numbers.map(|four| f32::from_le_bytes(four.try_into().unwrap()));
                state.0.insert(u64::from_le_bytes(row[..8].try_into().unwrap()), vector.collect());
            }
        }
        Self { path: path.to_path_buf(), dims, fate, state: Mutex::new(state) }
    }

    fn write(&self, state: &(BTreeMap<u64, Vec<f32>>, Reflected)) {
        let mut bytes = Vec::new();
        bytes.extend(state.1.generation.0.to_le_bytes());
        bytes.extend(state.1.last_chunk.0.to_le_bytes());
        for (id, vector) in &state.0 {
            bytes.extend(id.to_le_bytes());
            bytes.extend(vector.iter().flat_map(|number| number.to_le_bytes()));
        }
        crate::permission::replace_private_file(&self.path, &bytes).unwrap();
    }

    /// Changes what is kept behind the engine's back.
    fn damage(&self, damage: impl FnOnce(&mut BTreeMap<u64, Vec<f32>>)) {
        let mut state = self.state.lock().unwrap();
        damage(&mut state.0);
        self.write(&state);
    }
}

impl VectorBackend for FileBackend {
    fn kind(&self) -> BackendKind {
        BackendKind::Chromadb
    }
    fn location(&self) -> String {
        self.path.display().to_string()
    }
    fn generation(&self) -> Generation {
        self.reflected().generation
    }
    fn reflected(&self) -> Reflected {
        self.state.lock().unwrap().1
    }
    fn refresh(&self) -> Result<()> {
        Ok(())
    }
    fn stats(&self) -> VectorStats {
        VectorStats { vectors: self.state.lock().unwrap().0.len() as u64, ..VectorStats::default() }
    }
    fn commit(&self, change: VectorChange<'_>, reflected: Reflected) -> Result<()> {
        self.fate.pass();
        let mut state = self.state.lock().unwrap();
        for (id, vector) in change.added.iter().zip(change.vectors.chunks_exact(self.dims)) {
            state.0.insert(id.0, vector.to_vec());
        }
        for removed in change.removed {
            state.0.retain(|id, _| !removed.ids().contains(id));
        }
        state.1 = reflected;
        self.write(&state);
        drop(state);
        self.fate.pass();
        Ok(())
    }
    fn search(&self, request: VectorRequest<'_>, _: &dyn Recompute) -> Result<VectorHits> {
        let state = self.state.lock().unwrap();
        let score = |vector: &[f32]| vector.iter().zip(request.query).map(|(a, b)| a * b).sum();
        let mut candidates: Vec<Candidate> = state
            .0
            .iter()
            .filter(|(id, _)| request.allowed.is_none_or(|allowed| allowed.contains(**id)))
            .map(|(id, vector)| Candidate {
                chunk: ChunkId(*id),
                score: score(vector),
                exact: true,
            })
            .collect();
        candidates.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.chunk.cmp(&b.chunk)));
        candidates.truncate(request.n_candidates.max(request.k));
        Ok(VectorHits {
            candidates,
            counts: VectorCounts::default(),
            plan: VectorPlan::only(Strategy::Exact),
        })
    }
    fn merge(&self) -> Result<()> {
        Ok(())
    }
    fn wants_rebuild(&self, _: u64) -> bool {
        false
    }
    fn holds_exactly(&self, chunks: &AllowedChunks) -> Result<bool> {
        let state = self.state.lock().unwrap();
        Ok(state.0.len() as u64 == chunks.count() && state.0.keys().all(|id| chunks.contains(*id)))
    }
    fn clear(&self) -> Result<()> {
        let mut state = self.state.lock().unwrap();
        *state = (BTreeMap::new(), Reflected::default());
        self.write(&state);
        Ok(())
    }
    fn check(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}

fn open(dir: &Path) -> Library {
    let model = Arc::new(embedding::builtin().unwrap());
    Library::open(dir, Settings::default(), model, Arc::new(FixedClock(NOW_MS))).unwrap()
}

/// The same library over the file engine.
fn over_file(library: &Library, fate: &Arc<Fate>) -> Library {
    let mut settings = library.settings.clone();
    settings.backend.kind = BackendKind::Chromadb;
    let dims = library.embedder.identity().dims;
    let backend = FileBackend::open(&library.dir.join("server"), dims, Arc::clone(fate));
    library.over(settings, Box::new(backend)).unwrap()
}

/// Documents of one chunk each, no two with the same words.
fn documents(numbers: std::ops::Range<usize>) -> Vec<VirtualDocument> {
    const SUBJECTS: [&str; 8] =
        ["tide", "bread", "lease", "harbour", "violin", "glacier", "ledger", "orchard"];
    const VERBS: [&str; 7] = ["rises", "cools", "ends", "opens", "sounds", "melts", "ripens"];
    let text = |n: usize| {
        let (subject, verb) = (SUBJECTS[n % 8], VERBS[n / 8 % 7]);
        let other = SUBJECTS[(n / 56) % 8];
        format!("The {subject} {verb} in year {n} beside the {other} of house {}.", n * 7 + 3)
    };
    numbers
        .map(|n| VirtualDocument { path: format!("d{n}"), title: String::new(), text: text(n) })
        .collect()
}

fn add(library: &Library, numbers: std::ops::Range<usize>) {
    library.add_virtual(documents(numbers), &NoProgress, &Cancel::new()).unwrap();
}

fn remove(library: &Library, numbers: std::ops::Range<usize>) {
    let paths: Vec<String> = numbers.map(|n| format!("d{n}")).collect();
    library.remove(&paths, false).unwrap();
}

fn live(library: &Library) -> AllowedChunks {
    let reader = library.store.reader().unwrap();
    AllowedChunks::from_documents(reader.documents().unwrap().into_iter().map(|it| it.chunks))
}

fn holds_all(library: &Library) -> bool {
    library.vectors.holds_exactly(&live(library)).unwrap()
}

fn finds(library: &Library, number: usize) -> bool {
    let text = documents(number..number + 1).remove(0).text;
    let request = SearchRequest {
        mode: crate::settings::SearchMode::Vector,
        ..SearchRequest::new(text, &library.settings.search)
    };
    let found = library.search(&request).unwrap();
    found.hits.first().is_some_and(|hit| hit.path() == format!("d{number}"))
}

const OPTIONS: MigrateOptions<'static> = MigrateOptions {
    backup: true,
    verify: Some(VerifyOptions { sample_rate: 0.02, queries: 5, seed: 1 }),
    resume: false,
    config: None,
};

fn verify_all(a: &Library, b: &Library) -> Verification {
    a.verify_against(b, VerifyOptions::default(), &Cancel::new(), &|_, _| {}).unwrap()
}

fn migrate(source: &Library, target: &Library) -> Result<MigrationReport> {
    source.migrate(target, OPTIONS, &mut || Ok(()), &Cancel::new(), &|_| {})
}

#[test]
fn killed_at_any_point_nothing_is_lost() {
    const DOCUMENTS: usize = 2500;
    let dir = tempfile::tempdir().unwrap();
    add(&open(dir.path()), 0..DOCUMENTS);
    let setting = Mutex::new(BackendKind::Leann);
    let (mut killed_before_switch, mut killed_after) = (0, 0);
    for moments in 0.. {
        *setting.lock().unwrap() = BackendKind::Leann;
        drop(std::fs::remove_file(dir.path().join("server")));
        let source = open(dir.path());
        let fate = Fate::after(moments);
        let attempt = catch_unwind(AssertUnwindSafe(|| {
            let target = over_file(&source, &fate);
            let mut switch = || {
                fate.pass();
                *setting.lock().unwrap() = BackendKind::Chromadb;
                fate.pass();
                Ok(())
            };
            source.migrate(&target, OPTIONS, &mut switch, &Cancel::new(), &|progress| {
                // Progress of comparing is told by several threads.
                if progress.step != MigrationStep::Verify {
                    fate.pass();
                }
            })
        }));
        let is_done = attempt.is_ok();
        if let Ok(result) = attempt {
            assert_eq!(result.unwrap().documents_filled, DOCUMENTS as u64);
        }
        drop(source);

        // Another process looks after what is left.
        let source = open(dir.path());
        assert!(holds_all(&source) && finds(&source, 17), "after {moments}");
        let target = over_file(&source, &Fate::never());
        if *setting.lock().unwrap() == BackendKind::Chromadb {
            assert!(holds_all(&target) && finds(&target, 17), "after {moments}");
            assert_eq!(target.unfinished_migration().unwrap(), None);
            killed_after += usize::from(!is_done);
        } else {
            killed_before_switch += 1;
            let unfinished = source.unfinished_migration().unwrap();
            if unfinished.is_some() {
                assert_eq!(migrate(&source, &target).unwrap_err().kind(), ErrorKind::Conflict);
            }
            let there = target.vectors.stats().vectors;
            let options = MigrateOptions { resume: unfinished.is_some(), ..OPTIONS };
            let resumed =
                source.migrate(&target, options, &mut || Ok(()), &Cancel::new(), &|_| {}).unwrap();
            assert_eq!(resumed.was_resumed, unfinished.is_some());
            assert_eq!(resumed.chunks_filled, DOCUMENTS as u64 - there, "it goes on where it was");
            assert!(holds_all(&target) && finds(&target, 2424), "after {moments}");
        }
        assert!(UnfinishedMigration::find(dir.path()).unwrap().is_none());
        assert!(source.backups().len() <= KEPT_BACKUPS);
        if is_done {
            break;
        }
    }
    assert!(
        killed_before_switch >= 10 && killed_after >= 1,
        "{killed_before_switch} {killed_after}"
    );
}

#[test]
fn others_read_while_a_migration_holds_them_from_writing() {
    let dir = tempfile::tempdir().unwrap();
    let source = open(dir.path());
    add(&source, 0..60);
    let target = over_file(&source, &Fate::never());
    let seen = AtomicUsize::new(0);
    let look = |_: MigrationProgress| {
        assert!(finds(&source, 7));
        assert!(WriteLock::try_acquire(dir.path()).unwrap().is_none());
        seen.fetch_add(1, Ordering::SeqCst);
    };
    source.migrate(&target, OPTIONS, &mut || Ok(()), &Cancel::new(), &look).unwrap();
    assert!(seen.load(Ordering::SeqCst) >= 5);
    assert!(WriteLock::try_acquire(dir.path()).unwrap().is_some());
}

type Damage = fn(&mut BTreeMap<u64, Vec<f32>>);

#[test]
fn planted_differences_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let source = open(dir.path());
    add(&source, 0..300);
    let file = || {
        let dims = source.embedder.identity().dims;
        FileBackend::open(&dir.path().join("server"), dims, Fate::never())
    };
    let filled = || {
        let target = over_file(&source, &Fate::never());
        target.vectors.clear().unwrap();
        target.bring_level(&Cancel::new(), &mut |_, _| {}).unwrap();
    };
    filled();
    let whole = verify_all(&source, &over_file(&source, &Fate::never()));
    assert!(whole.agrees(), "{whole:?}");
    assert_eq!((whole.sampled, whole.queries), (300, 50));
    assert!(whole.lowest_score.unwrap() >= LEAST_SCORE && whole.overlap.unwrap() >= LEAST_OVERLAP);

    let damages: [(&str, Damage); 4] = [
        ("a lost vector", |vectors| {
            vectors.pop_first();
        }),
        ("another chunk's id", |vectors| {
            let (_, vector) = vectors.pop_last().unwrap();
            vectors.insert(9999, vector);
        }),
        ("two vectors exchanged", |vectors| {
            let (a, b) = (vectors[&7].clone(), vectors[&200].clone());
            vectors.insert(7, b);
            vectors.insert(200, a);
        }),
        ("one vector turned a little", |vectors| {
            let vector = vectors.get_mut(&150).unwrap();
            vector[0] += 0.2;
            let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
            for number in vector.iter_mut() {
                *number /= length;
            }
        }),
    ];
    for (what, damage) in damages {
        filled();
        file().damage(damage);
        let target = over_file(&source, &Fate::never());
        let found = verify_all(&source, &target);
        assert!(!found.agrees(), "{what}");
        // Both ways round.
        assert!(!verify_all(&target, &source).agrees(), "{what}");
        // A migration that meets it changes nothing but the target.
        let error = migrate(&source, &target).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {error:#}");
        assert_eq!(target.vectors.stats().vectors, 0, "{what}");
        assert!(source.unfinished_migration().unwrap().is_none() && holds_all(&source), "{what}");
        // So that the next one succeeds.
        assert_eq!(migrate(&source, &target).unwrap().documents_filled, 300);
    }
}

#[test]
fn a_backend_that_is_behind_differs() {
    let dir = tempfile::tempdir().unwrap();
    let source = open(dir.path());
    add(&source, 0..20);
    let target = over_file(&source, &Fate::never());
    migrate(&source, &target).unwrap();
    add(&source, 20..25);
    let found = verify_all(&source, &target);
    assert!(found.problems[0].contains("reflects generation"), "{found:?}");
    assert_eq!(found.sampled, 0);
}

#[test]
fn removals_that_are_forgotten_leave_no_ghosts() {
    let dir = tempfile::tempdir().unwrap();
    let leann = open(dir.path());
    add(&leann, 0..50);
    let other = over_file(&leann, &Fate::never());
    migrate(&leann, &other).unwrap();
    // The second one sleeps through removals at the beginning, in the middle and at the end.
    for gone in [0..5, 20..30, 45..50] {
        remove(&leann, gone);
    }
    leann.compact().unwrap();
    let reader = leann.store.reader().unwrap();
    assert!(reader.removed_since(Generation(0)).unwrap().is_empty());
    drop(reader);
    add(&leann, 50..53);
    other.bring_level(&Cancel::new(), &mut |_, _| {}).unwrap();
    assert!(holds_all(&other) && finds(&other, 12) && finds(&other, 51));
    assert!(verify_all(&leann, &other).agrees());

    // And the other way round: the second one is in use, the first one sleeps.
    for gone in [5..9, 50..53] {
        remove(&other, gone);
    }
    other.compact().unwrap();
    add(&other, 60..61);
    drop(leann);
    let leann = open(dir.path());
    assert!(holds_all(&leann) && leann.check().unwrap().is_sound());
    assert!(verify_all(&leann, &other).agrees());
}

#[test]
fn a_target_half_filled_before_a_compaction_has_no_ghosts() {
    let dir = tempfile::tempdir().unwrap();
    let leann = open(dir.path());
    add(&leann, 0..3000);
    // Dies after its first batch is durable.
    let fate = Fate::after(2);
    let other = over_file(&leann, &fate);
    catch_unwind(AssertUnwindSafe(|| other.bring_level(&Cancel::new(), &mut |_, _| {})))
        .unwrap_err();
    drop(other);
    let other = over_file(&leann, &Fate::never());
    assert_eq!(other.vectors.reflected().generation, Generation(0));
    let there = other.vectors.stats().vectors;
    assert!(there > 100 && there < 3000, "{there}");
    remove(&leann, 0..40);
    remove(&leann, 2990..3000);
    leann.compact().unwrap();
    let report = migrate(&leann, &other).unwrap();
    assert_eq!(report.documents_filled, 2990 - there);
    assert!(holds_all(&other));
}

#[test]
fn a_rollback_brings_the_former_backend_level_and_touches_no_document() {
    let dir = tempfile::tempdir().unwrap();
    let leann = open(dir.path());
    add(&leann, 0..40);
    let other = over_file(&leann, &Fate::never());
    let config = dir.path().join("config.yaml");
    std::fs::write(&config, "search:\n  k: 7\n").unwrap();
    let options = MigrateOptions { config: Some(&config), ..OPTIONS };
    let report = leann.migrate(&other, options, &mut || Ok(()), &Cancel::new(), &|_| {}).unwrap();
    let backup = report.backup.unwrap();
    assert_eq!(
        backup.path,
        dir.path().join("backups").join("migration_backup_20261123_120000.tar.gz")
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&backup.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    drop(leann);
    // Life goes on with the second one; the first one's files are lost altogether.
    add(&other, 40..45);
    remove(&other, 0..3);
    other.compact().unwrap();
    assert!(other.clean_up_backend(BackendKind::Leann).unwrap() > 0);
    assert!(!vectors_root(dir.path()).exists());
    let before = other.store.reader().unwrap().documents().unwrap();

    let mut setting = BackendKind::Chromadb;
    let found = other.find_backup(None).unwrap();
    let mut switch = |kind| {
        setting = kind;
        Ok(())
    };
    let report = other.rollback(&found, &mut switch, &Cancel::new(), &mut |_, _| {}).unwrap();
    assert_eq!(
        (setting, report.restored, report.vectors),
        (BackendKind::Leann, BackendKind::Leann, 42)
    );
    assert!(report.files_restored && report.note.is_none());
    let leann = open(dir.path());
    assert!(holds_all(&leann) && finds(&leann, 42) && leann.check().unwrap().is_sound());
    assert_eq!(leann.store.reader().unwrap().documents().unwrap(), before);
}

#[test]
fn a_damaged_backup_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let leann = open(dir.path());
    add(&leann, 0..200);
    let other = over_file(&leann, &Fate::never());
    let backup = migrate(&leann, &other).unwrap().backup.unwrap();
    let bytes = std::fs::read(&backup.path).unwrap();
    let mut damaged: Vec<Vec<u8>> = vec![bytes[..bytes.len() / 2].to_vec(), Vec::new()];
    for at in [bytes.len() / 3, bytes.len() - 5] {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x10;
        damaged.push(bytes);
    }
    for bytes in damaged {
        std::fs::write(&backup.path, bytes).unwrap();
        let mut is_switched = false;
        let mut switch = |_| {
            is_switched = true;
            Ok(())
        };
        let result = other
            .find_backup(Some(&backup.path))
            .and_then(|found| other.rollback(&found, &mut switch, &Cancel::new(), &mut |_, _| {}));
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Corrupt);
        assert!(!is_switched && holds_all(&open(dir.path())));
    }
}

#[test]
fn a_backup_of_another_library_or_a_later_state_is_refused() {
    let (dir, foreign) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let leann = open(dir.path());
    add(&leann, 0..30);
    let others = open(foreign.path());
    add(&others, 500..530);
    let backup = migrate(&others, &over_file(&others, &Fate::never())).unwrap().backup.unwrap();
    let roll_back = |active: &Library, backup: &Backup| {
        active.rollback(backup, &mut |_| Ok(()), &Cancel::new(), &mut |_, _| {})
    };
    let active = over_file(&leann, &Fate::never());
    assert_eq!(roll_back(&active, &backup).unwrap_err().kind(), ErrorKind::Incompatible);

    let earlier = migrate(&leann, &active).unwrap().backup.unwrap();
    leann.store.checkpoint().unwrap();
    let (database, copy) = (dir.path().join("library.db"), dir.path().join("copy.db"));
    std::fs::copy(&database, &copy).unwrap();
    add(&leann, 30..31);
    let later = migrate(&leann, &active).unwrap().backup.unwrap();
    drop((leann, active));
    std::fs::rename(&copy, &database).unwrap();
    for log in ["library.db-wal", "library.db-shm"] {
        drop(std::fs::remove_file(dir.path().join(log)));
    }
    let leann = open(dir.path());
    assert_eq!(roll_back(&leann, &later).unwrap_err().kind(), ErrorKind::Incompatible);
    assert!(holds_all(&leann));
    assert!(roll_back(&leann, &earlier).unwrap().files_restored);
    assert!(holds_all(&open(dir.path())));
}

#[test]
fn the_latest_backups_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let leann = open(dir.path());
    add(&leann, 0..5);
    let other = over_file(&leann, &Fate::never());
    for _ in 0..KEPT_BACKUPS + 2 {
        migrate(&leann, &other).unwrap();
    }
    assert_eq!(leann.backups().len(), KEPT_BACKUPS);
    let planned = leann.clean_backups(1, true).unwrap();
    assert_eq!((planned.removed.len(), planned.kept.len()), (KEPT_BACKUPS - 1, 1));
    assert_eq!(leann.backups().len(), KEPT_BACKUPS);
    leann.clean_backups(1, false).unwrap();
    assert_eq!(leann.backups(), planned.kept);
    assert_eq!(leann.clean_backups(0, false).unwrap().removed.len(), 1);
    assert_eq!(leann.find_backup(None).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn what_keeps_nothing_is_only_switched_to_and_agrees() {
    let dir = tempfile::tempdir().unwrap();
    let leann = open(dir.path());
    add(&leann, 0..80);
    let exact = leann.with_backend(BackendKind::Exact).unwrap();
    let plan = leann.plan_migration(&exact).unwrap();
    assert!(plan.is_only_switch && plan.chunks_to_fill == 0 && plan.source_bytes > 0);
    let report = migrate(&leann, &exact).unwrap();
    assert!(report.is_only_switch && report.verification.is_none());
    assert_eq!((report.documents, report.documents_filled), (80, 0));
    exact.bring_level(&Cancel::new(), &mut |_, _| {}).unwrap();
    let found = verify_all(&leann, &exact);
    assert!(found.agrees(), "{found:?}");
    // And back.
    leann.vectors.clear().unwrap();
    let report = migrate(&exact, &leann).unwrap();
    assert_eq!(report.documents_filled, 80);
    assert!(verify_all(&leann, &exact).agrees());
    let last = leann.last_migration().unwrap().unwrap();
    assert_eq!((last.source, last.target), (BackendKind::Exact, BackendKind::Leann));
    assert_eq!((last.ended_ms, last.chunks), (NOW_MS, 80));
}

#[test]
fn a_migration_that_makes_no_sense_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let leann = open(dir.path());
    add(&leann, 0..5);
    let same = leann.with_backend(BackendKind::Leann).unwrap();
    assert_eq!(migrate(&leann, &same).unwrap_err().kind(), ErrorKind::Invalid);
    let other = over_file(&leann, &Fate::never());
    let options = MigrateOptions { resume: true, ..OPTIONS };
    let error = leann.migrate(&other, options, &mut || Ok(()), &Cancel::new(), &|_| {});
    assert_eq!(error.unwrap_err().kind(), ErrorKind::NotFound);
    // A setting that cannot be written leaves the source in use, and the rest to be resumed.
    let refuse = || Err(Error::new(ErrorKind::Io, "read-only"));
    let error = leann.migrate(&other, OPTIONS, &mut { refuse }, &Cancel::new(), &|_| {});
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Io);
    let unfinished = leann.unfinished_migration().unwrap().unwrap();
    assert_eq!(unfinished.step, MigrationStep::Switch);
    let report = leann.migrate(&other, options, &mut || Ok(()), &Cancel::new(), &|_| {}).unwrap();
    assert!(report.was_resumed && report.documents_filled == 0);
    assert_eq!(leann.clean_up_backend(BackendKind::Leann).unwrap_err().kind(), ErrorKind::Conflict);
}

#[test]
fn checkpoints_are_read_as_they_were_written() {
    let dir = tempfile::tempdir().unwrap();
    assert!(UnfinishedMigration::find(dir.path()).unwrap().is_none());
    let mut begun = UnfinishedMigration::begin(
        dir.path(),
        BackendKind::Leann,
        BackendKind::Chromadb,
        NOW_MS,
        12,
    )
    .unwrap();
    assert!(begun.path.ends_with("migration_20261123_120000.ckpt"));
    begun.documents_done = 3;
    begun.backup = Some(PathBuf::from("/somewhere"));
    begun.note(MigrationStep::Fill).unwrap();
    assert_eq!(UnfinishedMigration::find(dir.path()).unwrap().unwrap(), begun);
    std::fs::write(&begun.path, "{\"format\": 1}").unwrap();
    let error = UnfinishedMigration::find(dir.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    begun.remove().unwrap();
    begun.remove().unwrap();
}
