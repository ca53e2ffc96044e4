//! What the persona cares about, and the owner's word on it.

use anyhow::Result;
use ragged::memory::{
    Breadth, Interaction, InterestOrigin, Memory, Persona, PersonaMemory, TopicInterest,
    graph::DEFAULT_DEPTH, interest::age_in_words, topic,
};

use super::{
    super::{joined, short_id, time_in},
    privacy::warn_of_remains,
};
use crate::{
    cli::{
        Session,
        args::memory::{InterestCommand, OfPersona, Switch},
        printer::{Printer, counted, one_line, table, thousands, visible},
        profiling,
    },
    failure::Outcome,
    wire,
};

/// Interactions, documents and topics that are shown of a topic.
const SHOWN: usize = 10;
/// Topics and documents that JSON names for each interest of a list.
const LINKS: usize = 5;

pub(crate) fn run(command: &InterestCommand, of: &OfPersona, session: &Session) -> Result<Outcome> {
    let passphrase = of.passphrase_file.as_deref();
    let memory = match command {
        InterestCommand::SetInterest { .. }
        | InterestCommand::DisableLearning
        | InterestCommand::EnableLearning
        | InterestCommand::Personalisation { .. } => session.memory(passphrase)?,
        _ => session.memory_to_read(passphrase)?,
    };
    let (persona, remembered) = Session::remembered(&memory, of.persona.as_deref())?;
    let printer = &session.printer;
    match command {
        InterestCommand::Profile { limit, explain } => {
            profile(&persona, &remembered, Breadth::Tracked, 0.0, *limit, *explain, printer)
        }
        InterestCommand::Topics { min_confidence, all } => {
            let (breadth, least) =
                if *all { (Breadth::All, 0.0) } else { (Breadth::Tracked, *min_confidence) };
            profile(&persona, &remembered, breadth, least, usize::MAX, false, printer)
        }
        InterestCommand::TopicInfo { topic } => {
            info(&persona, &remembered, &joined(topic), printer)
        }
        InterestCommand::RelatedTopics { topic, limit } => {
            related(&remembered, &joined(topic), *limit, printer)
        }
        InterestCommand::ForgetTopic { topic, with_interactions, dry_run: _, confirm } => {
            let (topic, with, confirm) = (joined(topic), *with_interactions, *confirm);
            let done = forget(&memory, &remembered, &topic, with, confirm, printer)?;
            if confirm {
                profiling::forget_erased(&memory, session);
            }
            Ok(done)
        }
        InterestCommand::MergeTopics { from, into } => {
            let (from, into) = (remembered.topic_named(from)?, remembered.topic_named(into)?);
            remembered.merge_topics(&from, &into)?;
            if printer.is_json() {
                printer.json(&serde_json::json!({ "from": from, "into": into }))?;
            } else {
                printer.line(format!("{} counts as {} now.", visible(&from), visible(&into)))?;
            }
            Ok(Outcome::Done)
        }
        InterestCommand::SetInterest { topic, level, .. } => {
            set_interest(&remembered, topic, *level, printer)
        }
        InterestCommand::DisableLearning => learn(&memory, &persona, false, printer),
        InterestCommand::EnableLearning => learn(&memory, &persona, true, printer),
        InterestCommand::Personalisation { state } => {
            memory.set_personalised(&persona.name, *state == Switch::Enable)?;
            told(
                &memory,
                &persona,
                printer,
                match state {
                    Switch::Enable => "ranks by what it cares about",
                    Switch::Disable => "ranks by nothing but the question",
                },
            )
        }
    }
}

fn profile(
    persona: &Persona,
    remembered: &PersonaMemory,
    breadth: Breadth,
    min_confidence: f64,
    limit: usize,
    explain: bool,
    printer: &Printer,
) -> Result<Outcome> {
    let config = &remembered.config().interest;
    let profile = remembered.profile(&persona.draft.focus_areas, config, breadth)?;
    let shown: Vec<&TopicInterest> = profile
        .interests
        .iter()
        .filter(|interest| interest.interest.confidence >= min_confidence)
        .take(limit)
        .collect();
    if printer.is_json() {
        let keys = shown.iter().map(|interest| interest.key.as_str());
        let links = remembered.interest_links(keys, LINKS)?;
        printer.json(&wire::Profile {
            persona: persona.name.as_str().to_owned(),
            personalised: persona.is_personalised,
            learning: persona.is_learning,
            topics: profile.n_topics,
            since: profile.since_ms.map(wire::moment),
            interests: (1..)
                .zip(shown.iter().zip(&links))
                .map(|(rank, (interest, links))| wire::Interest::new(rank, interest, links))
                .collect(),
        })?;
        return Ok(Outcome::Done);
    }
    if shown.is_empty() {
        printer.line("No interests yet.")?;
    } else {
        let mut header = vec!["", "topic", "level", "confidence", "hits", "last seen", "by"];
        if explain {
            header.extend(["frequency", "recency", "consistency", "depth"]);
        }
        let mut rows = table(printer, &header);
        for (rank, known) in (1..).zip(&shown) {
            let interest = &known.interest;
            let seen = if known.aggregate.n_hits == 0 {
                String::new()
            } else {
                age_in_words(known.aggregate.last_seen_ms, profile.now_ms)
            };
            let mut row = vec![
                thousands(rank),
                visible(&known.name).into_owned(),
                interest.level.as_str().to_owned(),
                format!("{:.2}", interest.confidence),
                thousands(known.aggregate.n_hits),
                seen,
                known.origin.as_str().to_owned(),
            ];
            if explain {
                let parts =
                    [interest.frequency, interest.recency, interest.consistency, interest.depth];
                row.extend(parts.map(|part| format!("{part:.2}")));
            }
            rows.add_row(row);
        }
        printer.line(rows.trim_fmt())?;
    }
    let age = profile.since_ms.map(|since| age_in_words(since, profile.now_ms));
    printer.note(format!(
        "{} of {}{}",
        counted(shown.len() as u64, "interest", "interests"),
        counted(profile.n_topics, "topic", "topics"),
        age.map(|age| format!(", the first from {age}")).unwrap_or_default()
    ));
    Ok(Outcome::Done)
}

fn info(
    persona: &Persona,
    remembered: &PersonaMemory,
    name: &str,
    printer: &Printer,
) -> Result<Outcome> {
    let config = &remembered.config().interest;
    let info = remembered.topic_info(name, &persona.draft.focus_areas, config, SHOWN)?;
    let known = &info.interest;
    let source = |found: &Interaction| {
        let met = found.topics.iter().find(|topic| topic.key == known.key);
        met.map_or("document", |topic| wire::topic_source(topic.source))
    };
    if printer.is_json() {
        printer.json(&wire::TopicInfo {
            interest: wire::Interest::new(info.rank, known, &info.links),
            related_topics: info.related.iter().map(wire::RelatedTopic::from).collect(),
            evidence: info
                .evidence
                .iter()
                .map(|found| wire::Evidence {
                    interaction: found.id.clone(),
                    timestamp: wire::moment(found.timestamp_ms),
                    query: found.query.clone(),
                    source: source(found),
                })
                .collect(),
        })?;
        return Ok(Outcome::Done);
    }
    let interest = &known.interest;
    printer.line(format!(
        "{}: rank {}, {} ({:.2}), {}",
        visible(&known.name),
        thousands(info.rank as u64),
        interest.level.as_str(),
        interest.confidence,
        match known.origin {
            InterestOrigin::Learned => "learned",
            InterestOrigin::Owner => "set by its owner",
            InterestOrigin::Focus => "a focus area of the persona",
        }
    ))?;
    if known.aggregate.n_hits > 0 {
        printer.line(format!(
            "learned {:.2} = 0.35 × frequency {:.2} + 0.30 × recency {:.2} + 0.20 × consistency \
             {:.2} + 0.15 × depth {:.2}",
            interest.learnt,
            interest.frequency,
            interest.recency,
            interest.consistency,
            interest.depth
        ))?;
        printer.line(format!(
            "met in {}, {} of them by name, {} to {}",
            counted(known.aggregate.n_hits, "interaction", "interactions"),
            thousands(known.aggregate.n_queries),
            age_in_words(known.aggregate.first_seen_ms, info.now_ms),
            age_in_words(known.aggregate.last_seen_ms, info.now_ms),
        ))?;
    }
    for found in &info.evidence {
        printer.line(format!(
            "  {}  {}  {} ({})",
            short_id(&found.id),
            age_in_words(found.timestamp_ms, info.now_ms),
            visible(&found.query),
            source(found),
        ))?;
    }
    for document in &info.links.documents {
        let times = counted(document.n_hits, "time", "times");
        printer.line(format!("  found {times}: {}", visible(&document.path)))?;
    }
    for topic in &info.related {
        let name = visible(&topic.name);
        let n = counted(topic.co_occurrence_count, "question", "questions");
        printer.line(format!("  goes with {name}: {n}, distance {}", topic.distance))?;
    }
    Ok(Outcome::Done)
}

fn related(
    remembered: &PersonaMemory,
    name: &str,
    limit: usize,
    printer: &Printer,
) -> Result<Outcome> {
    let key = remembered.topic_named(name)?;
    let related = remembered.graph(remembered.config().interest)?.related_topics(
        &key,
        DEFAULT_DEPTH,
        limit,
    )?;
    if printer.is_json() {
        printer.json(&serde_json::json!({
            "topic": key,
            "related": related.iter().map(wire::RelatedTopic::from).collect::<Vec<_>>(),
        }))?;
        return Ok(Outcome::Done);
    }
    let mut rows = table(printer, &["topic", "shared questions", "distance"]);
    for topic in &related {
        rows.add_row([
            visible(&topic.name).into_owned(),
            thousands(topic.co_occurrence_count),
            topic.distance.to_string(),
        ]);
    }
    if related.is_empty() {
        printer.line("Nothing goes with it yet.")?;
    } else {
        printer.line(rows.trim_fmt())?;
    }
    Ok(Outcome::Done)
}

fn forget(
    memory: &Memory,
    remembered: &PersonaMemory,
    name: &str,
    with_interactions: bool,
    confirm: bool,
    printer: &Printer,
) -> Result<Outcome> {
    let key = remembered.topic_named(name)?;
    let n = remembered.n_interactions_with(&key)?;
    let previewed = if with_interactions && !confirm {
        remembered.interactions_with(&key, SHOWN)?
    } else {
        Vec::new()
    };
    let erased = if confirm {
        Some(memory.forget_topic(remembered.name(), &key, with_interactions)?)
    } else {
        None
    };
    let n_deleted = erased.as_ref().map_or(0, |erased| erased.deleted.interactions);
    let remains = erased.and_then(|erased| erased.remains);
    let outcome = if remains.is_some() { Outcome::Partial } else { Outcome::Done };
    if printer.is_json() {
        printer.json(&wire::ForgottenTopic {
            topic: key,
            interactions: n,
            interactions_deleted: n_deleted,
            forgotten: confirm,
            questions: previewed.iter().map(wire::ForgottenQuestion::from).collect(),
            remains: remains.map(|error| format!("{error:#}")),
        })?;
        return Ok(outcome);
    }
    let zone = &remembered.config().zone;
    let met = counted(n, "interaction", "interactions");
    let done = if confirm { "Forgot" } else { "Would forget" };
    let with = match (with_interactions, n) {
        (true, 1) => ", and deletes it",
        (true, 2..) => ", and deletes them",
        _ => "",
    };
    let with = if confirm { with.replace("deletes", "deleted") } else { with.to_owned() };
    printer.line(format!("{done} {}, met in {met}{with}.", visible(name)))?;
    for found in &previewed {
        let (id, when) = (short_id(&found.id), time_in(found.timestamp_ms, zone));
        let beside = id.len() + when.len() + "      ".len();
        let question = one_line(&found.query, printer.width().saturating_sub(beside));
        printer.line(format!("  {id}  {when}  {question}"))?;
    }
    let n_more = n.saturating_sub(previewed.len() as u64);
    if !previewed.is_empty() && n_more > 0 {
        printer.line(format!("  and {} more", thousands(n_more)))?;
    }
    if !confirm {
        printer.note("Nothing was changed; --confirm does it.");
    } else if !with_interactions && n > 0 {
        printer.note("The questions themselves stay; `ragged memory forget TEXT` deletes those.");
    }
    warn_of_remains(remains.as_ref(), printer);
    Ok(outcome)
}

fn set_interest(
    remembered: &PersonaMemory,
    name: &str,
    level: Option<f64>,
    printer: &Printer,
) -> Result<Outcome> {
    if level.is_some_and(|level| !(0.0..=1.0).contains(&level)) {
        return Err(crate::Usage::new("an interest is from 0 to 1")
            .with_hint("0 for not at all, 1 for very much")
            .into());
    }
    let key = match level {
        Some(_) => topic::key(name),
        None => remembered.topic_named(name)?,
    };
    if key.is_empty() {
        return Err(crate::Usage::new(format!("{name:?} has no word to be a topic by")).into());
    }
    remembered.set_interest(&key, name, level)?;
    if printer.is_json() {
        printer.json(&serde_json::json!({ "topic": key, "level": level }))?;
    } else {
        let name = visible(name);
        printer.line(match level {
            Some(level) => format!("{name} counts as {level:.2} now."),
            None => format!("{name} counts by what was learned again."),
        })?;
    }
    Ok(Outcome::Done)
}

fn learn(
    memory: &Memory,
    persona: &Persona,
    is_learning: bool,
    printer: &Printer,
) -> Result<Outcome> {
    memory.set_learning(&persona.name, is_learning)?;
    let what = if is_learning { "learns from what is asked" } else { "learns nothing more" };
    told(memory, persona, printer, what)
}

fn told(memory: &Memory, persona: &Persona, printer: &Printer, what: &str) -> Result<Outcome> {
    if printer.is_json() {
        printer.json(&wire::Persona::from(&memory.persona(&persona.name)?))?;
    } else {
        printer.line(format!("{} {what}.", visible(persona.name.as_str())))?;
    }
    Ok(Outcome::Done)
}
