use std::fs;

use rusqlite::params;

use super::*;

const CANARY: &str = "the canary sings in the mine";

fn vault(dir: &Path) -> Vault {
    let key_path = dir.join("keys/memory.key");
    let master = if key_path.exists() {
        MasterKey::open(&key_path, None).unwrap()
    } else {
        MasterKey::create(&key_path, None).unwrap()
    };
    Vault::new(&dir.join("memory"), master, DatabaseConfig::default()).unwrap()
}

fn plant(database: &Database, text: &str) {
    database
        .write(|tx| {
            crate::sqlite::sql(tx.execute_batch("CREATE TABLE IF NOT EXISTS t (x TEXT)"))?;
            crate::sqlite::sql(tx.execute("INSERT INTO t VALUES (?1)", params![text]))?;
            Ok(())
        })
        .unwrap();
}

fn count(database: &Database) -> i64 {
    database
        .read(|connection| {
            crate::sqlite::sql(connection.query_row("SELECT count(*) FROM t", [], |r| r.get(0)))
        })
        .unwrap()
}

fn all_bytes(dir: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        bytes.extend(fs::read(entry.unwrap().path()).unwrap());
    }
    bytes
}

fn holds(bytes: &[u8], needle: &str) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
}

#[test]
fn nothing_readable_reaches_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let vault = vault(dir.path());
    let database = vault.create("a").unwrap();
    plant(&database, CANARY);
    // With the log and its shared memory in place, and after they went into the file.
    for _ in 0..2 {
        let bytes = all_bytes(vault.dir());
        assert!(bytes.len() > 4096, "{} bytes", bytes.len());
        assert!(!holds(&bytes, CANARY) && !holds(&bytes, "SQLite format 3"));
        database.settle(true).unwrap();
    }
    assert_eq!(count(&database), 1);
    drop(database);
    assert_eq!(count(&vault.open("a").unwrap()), 1);
    #[cfg(unix)]
    for entry in fs::read_dir(vault.dir()).unwrap() {
        use std::os::unix::fs::PermissionsExt as _;
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
    }
}

#[test]
fn pages_are_read_without_sqlite() {
    let dir = tempfile::tempdir().unwrap();
    let vault = vault(dir.path());
    let database = vault.create("a").unwrap();
    plant(&database, CANARY);
    let found = vault.decrypted_pages("a").unwrap();
    assert!(found.broken.is_empty(), "{:?}", found.broken);
    assert!(found.containing(&[CANARY.as_bytes()]).iter().all(|origin| origin.in_log));
    assert_eq!(found.containing(&[CANARY.as_bytes()]).len(), 1);

    database.settle(false).unwrap();
    let found = vault.decrypted_pages("a").unwrap();
    assert!(found.broken.is_empty(), "{:?}", found.broken);
    let origins = found.containing(&[CANARY.as_bytes()]);
    assert!(origins.len() == 1 && !origins[0].in_log, "{origins:?}");
    assert_eq!(found.pages[0].1.len(), PAGE_CONTENT - 16);
    assert!(found.containing(&[b""]).is_empty());

    // What is deleted is gone from the file, and from the log once that is emptied.
    database.write(|tx| crate::sqlite::sql(tx.execute("DELETE FROM t", [])).map(|_| ())).unwrap();
    database.settle(false).unwrap();
    assert!(vault.decrypted_pages("a").unwrap().containing(&[CANARY.as_bytes()]).is_empty());
}

const PAGE_CONTENT: usize = 4096 - 48;

#[test]
fn text_in_a_freed_page_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let vault = vault(dir.path());
    let database = vault.create("a").unwrap();
    plant(&database, &CANARY.repeat(1000));
    database
        .write(|tx| {
            // As a program would that does not care.
            crate::sqlite::sql(
                tx.pragma_update_and_check(None, "secure_delete", false, |_| Ok(())),
            )?;
            crate::sqlite::sql(tx.execute("DROP TABLE t", [])).map(|_| ())
        })
        .unwrap();
    database.settle(false).unwrap();
    assert!(!vault.decrypted_pages("a").unwrap().containing(&[CANARY.as_bytes()]).is_empty());
    database.settle(true).unwrap();
    assert!(vault.decrypted_pages("a").unwrap().containing(&[CANARY.as_bytes()]).is_empty());
}

#[test]
fn each_way_of_not_opening_says_which() {
    let dir = tempfile::tempdir().unwrap();
    let key_path = dir.path().join("keys/memory.key");
    {
        let vault = vault(dir.path());
        let database = vault.create("a").unwrap();
        plant(&database, &"words ".repeat(4000));
        database.settle(true).unwrap();
    }
    let open = || vault(dir.path()).open("a").map(|_| ());

    // Another master key.
    let kept = fs::read(&key_path).unwrap();
    fs::remove_file(&key_path).unwrap();
    let error = open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error:?}");
    assert!(format!("{error:#}").contains("does not open"), "{error:?}");
    fs::write(&key_path, &kept).unwrap();
    open().unwrap();

    // No key file of the database; a damaged one.
    let sealed_path = dir.path().join("memory/a.key");
    let sealed = fs::read(&sealed_path).unwrap();
    fs::remove_file(&sealed_path).unwrap();
    let error = open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
    assert!(format!("{error:#}").contains("is missing"), "{error:?}");
    fs::write(&sealed_path, b"x").unwrap();
    assert_eq!(open().unwrap_err().kind(), ErrorKind::Corrupt);
    fs::write(&sealed_path, &sealed).unwrap();

    // A page that was changed: the first, and one further on.
    let path = dir.path().join("memory/a.db");
    let bytes = fs::read(&path).unwrap();
    for at in [100, 4096 * 4 + 100] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        fs::write(&path, &damaged).unwrap();
        let vault = vault(dir.path());
        let read = vault.open("a").and_then(|database| {
            database.read(|connection| {
                crate::sqlite::sql(connection.query_row(
                    "SELECT sum(length(x)) FROM t",
                    [],
                    |row| row.get::<_, i64>(0),
                ))
            })
        });
        let error = read.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{at}: {error:?}");
        assert!(format!("{error:#}").contains("is not what was written"), "{at}: {error:?}");
        assert_eq!(vault.decrypted_pages("a").unwrap().broken.len(), 1);
    }
}

#[test]
fn a_master_key_is_moved_and_protected() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys/memory.key");
    let mut master = MasterKey::create(&path, None).unwrap();
    assert_eq!(MasterKey::create(&path, None).unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(MasterKey::protection_of(&path).unwrap(), Protection::File);

    let secret = Passphrase::new("correct horse").unwrap();
    master.write(&path, Some(&secret)).unwrap();
    assert_eq!(master.protection(), Protection::Passphrase);
    assert_eq!(MasterKey::protection_of(&path).unwrap(), Protection::Passphrase);
    assert!(MasterKey::open(&path, Some(&secret)).unwrap().is_same_as(&master));
    let wrong = Passphrase::new("battery staple").unwrap();
    for passphrase in [None, Some(&wrong)] {
        let error = MasterKey::open(&path, passphrase).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error:?}");
        assert!(error.hint().is_some());
    }
    assert!(Passphrase::new("").is_err());
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);

    fs::remove_file(&path).unwrap();
    assert_eq!(MasterKey::open(&path, None).unwrap_err().kind(), ErrorKind::NotFound);
    for text in ["", "ragged memory key 1\n", "ragged memory key 1\nprotection file\nkey 00\n"] {
        fs::write(&path, text).unwrap();
        let error = MasterKey::open(&path, None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{text:?} {error:?}");
    }
    // What would use up the machine is not a key file.
    let greedy = format!(
        "ragged memory key 1\nprotection passphrase\nargon2id 4294967295 3 4\nsalt {}\nkey 00\n",
        "0".repeat(32)
    );
    fs::write(&path, greedy).unwrap();
    assert_eq!(MasterKey::open(&path, Some(&secret)).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_destroyed_database_is_gone_and_may_be_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let vault = vault(dir.path());
    let database = vault.create("a").unwrap();
    plant(&database, CANARY);
    drop(database);
    assert_eq!(vault.create("a").unwrap_err().kind(), ErrorKind::Conflict);
    vault.destroy("a").unwrap();
    assert!(!vault.contains("a"));
    assert_eq!(fs::read_dir(vault.dir()).unwrap().count(), 0);
    vault.destroy("a").unwrap();
    assert_eq!(vault.open("a").unwrap_err().kind(), ErrorKind::NotFound);
    drop(vault.create("a").unwrap());

    // A database that vanished is no empty one; one whose making was interrupted is.
    fs::remove_file(vault.database_path("a")).unwrap();
    assert_eq!(vault.open("a").unwrap_err().kind(), ErrorKind::NotFound);
    fs::rename(vault.dir().join("a.key"), vault.dir().join("a.newkey")).unwrap();
    drop(vault.open_or_create("a").unwrap());
    assert!(vault.dir().join("a.key").exists() && !vault.dir().join("a.newkey").exists());
}

#[test]
fn readers_are_bounded_and_see_one_state() {
    let dir = tempfile::tempdir().unwrap();
    let vault = vault(dir.path());
    let database = vault.create("a").unwrap();
    plant(&database, CANARY);
    let held: Vec<ReadGuard<'_>> = (0..4).map(|_| database.reader().unwrap()).collect();
    assert_eq!(database.connections(), (4, 0));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| database.reader().map(|_| ()));
        drop(held);
        waiting.join().unwrap().unwrap();
    });
    assert_eq!(database.connections().0, 0);
    database
        .read(|connection| {
            let count = || -> i64 {
                connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap()
            };
            let before = count();
            plant(&database, CANARY);
            assert_eq!(count(), before);
            Ok(())
        })
        .unwrap();
    assert_eq!(count(&database), 2);
}

#[test]
fn the_page_cache_is_as_asked_for_and_nothing_is_mapped() {
    let dir = tempfile::tempdir().unwrap();
    let master = MasterKey::create(&dir.path().join("keys/memory.key"), None).unwrap();
    let config = DatabaseConfig { page_cache_bytes: 32 << 20, ..DatabaseConfig::default() };
    let vault = Vault::new(&dir.path().join("memory"), master, config).unwrap();
    let database = vault.create("a").unwrap();
    plant(&database, CANARY);
    let pragma = |name: &str| {
        database
            .read(|connection| {
                let asked = connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
                crate::sqlite::sql(asked)
            })
            .unwrap()
    };
    assert_eq!(pragma("cache_size"), -32 * 1024);
    assert_eq!(pragma("mmap_size"), 0);
}
