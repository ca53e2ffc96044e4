//! What a profile does to rankings: why, how far, and how well.

mod ab_test;

use std::path::Path;

use anyhow::Result;
use console::style;
use jiff::tz::TimeZone;
use ragged::{
    evaluation::{
        agreement::{Move, kendall, overlap_at},
        experiment::{self, Replay, Trial, Variant},
    },
    library::{BothRankings, ExplainedHit, Library, SearchRequest, Unmoved},
    memory::{
        Feedback, FoundBy, Memory, Persona, PersonaMemory, RECENT_DAYS, interest::age_in_words,
    },
    ranking::Profile,
    settings::PersonalisationSettings,
    store::DocumentRow,
};

use super::super::{
    add::{absolute, shortened},
    persona::of_persona,
    search, short_id, time_in,
};
use crate::{
    cli::{
        Session,
        args::memory::{
            OfPersona,
            ranking::{AskedArgs, RankingCommand},
        },
        asking::{Asking, ReadTime},
        printer::{Printer, counted, table, thousands, visible},
    },
    failure::Outcome,
    wire::{self, ranking as told},
};

/// Questions that are shown of those that found a document.
const SHOWN_QUESTIONS: usize = 5;
/// Passages of the document that are shown.
const SHOWN_PASSAGES: usize = 5;

pub(crate) fn run(command: RankingCommand, of: &OfPersona, session: &Session) -> Result<Outcome> {
    let memory = session.memory_to_read(of.passphrase_file.as_deref())?;
    let persona = Session::persona(&memory, of.persona.as_deref())?;
    match command {
        RankingCommand::ExplainRanking { document, asked } => {
            explain(&document, &asked, memory, &persona, session)
        }
        RankingCommand::CompareRanking { asked } => compare(&asked, memory, &persona, session),
        RankingCommand::Analytics { limit, replay } => {
            analytics(limit, replay, memory, &persona, session)
        }
        RankingCommand::AbTest { command } => ab_test::run(command, memory, &persona, session),
    }
}

/// A question of a persona, ranked with its profile and without.
struct Looked {
    request: SearchRequest,
    time: Option<ReadTime>,
    both: BothRankings,
    unmoved: Option<Unmoved>,
    settings: PersonalisationSettings,
}

impl Looked {
    fn at(
        asked: &AskedArgs,
        memory: Memory,
        persona: &Persona,
        library: &Library,
        session: &Session,
    ) -> Result<Self> {
        let asking = Asking::aside(memory, persona.clone(), session)?;
        let mut request = SearchRequest::new(asked.query.as_str(), &library.settings().search);
        if let Some(k) = asked.k {
            request.k = usize::from(k);
        }
        if let Some(mode) = asked.mode {
            request.mode = search::search_mode(mode);
        }
        let time = asking.settle(&mut request)?;
        let profile = asking.profile(library)?;
        let unmoved = Library::why_unmoved(persona, asking.personalisation(), profile.as_deref());
        let both = library.rank_both_ways(&request, profile.as_deref())?;
        let settings = asking.personalisation().clone();
        Ok(Self { request, time, both, unmoved, settings })
    }
}

/// Why a profile changes nothing, and what to do about it.
fn reason(unmoved: Unmoved, persona: &Persona) -> String {
    let name = visible(persona.name.as_str());
    let of = of_persona(persona);
    match unmoved {
        Unmoved::NoConsent => {
            format!("memory is off for {name}; `ragged memory enable{of}` turns it on")
        }
        Unmoved::SwitchedOff => {
            "ranking by interests is off; `ragged config set personalisation.enabled true` turns \
             it on"
                .to_owned()
        }
        Unmoved::NotForThePersona => format!(
            "ranking by interests is off for {name}; `ragged memory personalisation enable{of}` \
             turns it on"
        ),
        Unmoved::NoShare => "personalisation.alpha is 0: a profile weighs nothing".to_owned(),
        Unmoved::NothingKnown => format!("nothing is known yet of what {name} cares about"),
        Unmoved::NothingSure => {
            "no interest is as sure as personalisation.min_confidence_threshold asks".to_owned()
        }
    }
}

fn named(library: &Library, name: &str) -> Result<DocumentRow> {
    let path = absolute(name)?;
    let is_path = library.store().reader()?.file(&path)?.is_some();
    Ok(library.document_named(if is_path { &path } else { name })?)
}

fn explain(
    name: &str,
    asked: &AskedArgs,
    memory: Memory,
    persona: &Persona,
    session: &Session,
) -> Result<Outcome> {
    let library = session.existing_library()?;
    let document = named(&library, name)?;
    let files = library.store().reader()?.files_of(document.id)?;
    let path = files.first().map(|file| file.path.clone()).unwrap_or_default();
    let remembered = memory.of(&persona.name)?;
    let questions = remembered.questions_that_found(document.content_hash, SHOWN_QUESTIONS)?;
    let looked = Looked::at(asked, memory, persona, &library, session)?;
    let both = &looked.both;
    let passages: Vec<&ExplainedHit> =
        both.with.iter().filter(|found| found.hit.document.id == document.id).collect();
    let not_found = match passages.is_empty() {
        false => None,
        true if library.admits(&looked.request, &document)? => Some("no-match"),
        true => Some("filtered"),
    };
    let share = told::Share::new(both, &looked.settings);
    let explanation = told::Explanation {
        persona: persona.name.as_str().to_owned(),
        query: asked.query.clone(),
        k: looked.request.k,
        // Where it was found, by the file that the search shows.
        document: passages.first().map_or_else(
            || told::Named::new(&document, path),
            |found| told::Named::from(&found.hit),
        ),
        found: not_found.is_none(),
        not_found,
        passages_found: both.with.len(),
        unmoved: looked.unmoved.map(Unmoved::as_str),
        share,
        rank: passages.iter().map(|found| found.hit.rank).min(),
        rank_without: passages.iter().map(|found| found.rank_without).min(),
        passages: passages.iter().map(|found| told::Passage::from(*found)).collect(),
        questions: questions.iter().map(told::Question::from).collect(),
        time: looked.time.as_ref().map(wire::QuestionTime::from),
    };
    let printer = &session.printer;
    if printer.is_json() {
        printer.json(&explanation)?;
        return Ok(Outcome::Done);
    }
    print_explanation(&explanation, printer)?;
    if let Some(unmoved) = looked.unmoved {
        printer.line(format!("profile   changes nothing: {}", reason(unmoved, persona)))?;
    }
    if let Some(best) = passages.first() {
        print_parts(best, &explanation, &remembered.config().zone, printer)?;
    }
    print_questions(&questions, printer)?;
    search::print_time(looked.time.as_ref(), true, printer)?;
    note_if_behind(both, printer);
    Ok(Outcome::Done)
}

fn note_if_behind(both: &BothRankings, printer: &Printer) {
    if !both.is_level {
        printer.note("The indexes are still being completed; some files may be missing.");
    }
}

fn print_explanation(told: &told::Explanation, printer: &Printer) -> Result<()> {
    let path = printer.path(&told.document.path, &shortened(&told.document.path));
    printer.line(match told.document.title.as_deref() {
        Some(title) => format!("{path}  {}", style(visible(title)).bold()),
        None => path,
    })?;
    printer.line(format!("asked     {} by {}", visible(&told.query), visible(&told.persona)))?;
    let of = counted(told.passages_found as u64, "passage", "passages");
    match (told.rank, told.rank_without) {
        (Some(rank), Some(without)) => {
            let beyond = if rank > told.k {
                format!(", below the {} that are shown", told.k)
            } else {
                String::new()
            };
            printer.line(format!(
                "rank      {rank} with the profile, {without} without, of {of} found{beyond}"
            ))
        }
        _ if told.not_found == Some("filtered") => printer.line(
            "rank      none: the persona's collections, or the time in the question, leave it out",
        ),
        _ => printer.line(format!("rank      none: the question does not find it, among {of}")),
    }
}

fn print_parts(
    best: &ExplainedHit,
    told: &told::Explanation,
    zone: &TimeZone,
    printer: &Printer,
) -> Result<()> {
    let hit = &best.hit;
    let fused = &hit.fused;
    let mut base = format!(
        "base      {:.4} = vector {:.4} + lexical {:.4}",
        fused.score, fused.vector_part, fused.lexical_part
    );
    if let Some(vector) = fused.vector {
        let exactness = if vector.exact { "exact" } else { "estimated" };
        base.push_str(&format!("   cosine {:.4} ({exactness})", vector.score));
    }
    if let Some(lexical) = fused.lexical {
        base.push_str(&format!("   BM25 {:.3}", lexical.score));
    }
    printer.line(base)?;
    let parts = search::parts_of(hit);
    if !parts.is_empty() {
        printer.line(format!("score     {:.4} = {}", hit.score, parts.join(" + ")))?;
    }
    if let Some(share) = &told.share {
        let mut line = format!("share     α {:.2}", share.alpha);
        if share.alpha < share.full_alpha {
            line.push_str(&format!(
                ", less than {:.2}: the question has {} words, and α is for {}",
                share.full_alpha, share.words, share.full_alpha_words
            ));
        }
        printer.line(line)?;
        if !best.is_movable {
            printer.line(format!(
                "profile   gives nothing: only the first {} may change places",
                counted(share.candidates as u64, "candidate", "candidates")
            ))?;
        }
        let is_touched = !best.interests.is_empty() || best.last_had.is_some();
        if best.is_movable && !is_touched {
            printer.line(format!(
                "profile   gives nothing: none of {} is what the passage is about, and the \
                 document was not had before",
                counted(share.interests as u64, "interest", "interests")
            ))?;
        }
    }
    if let Some((at_ms, days)) = best.last_had {
        let decay = hit.personal.as_ref().map_or(0.0, |taste| taste.history);
        printer.line(format!(
            "had       {}, {}: {decay:.2}",
            time_in(at_ms, zone),
            counted(u64::from(days), "day ago", "days ago"),
        ))?;
    }
    for (asked, found) in &best.pairs {
        printer.line(format!(
            "together  {} in the question, {} in the passage",
            visible(asked),
            visible(found)
        ))?;
    }
    if !best.interests.is_empty() {
        let header = ["interest", "gives", "confidence", "recency", "specificity"];
        let mut rows = table(printer, &header);
        for interest in &best.interests {
            let set = if interest.is_pinned { " (set)" } else { "" };
            rows.add_row([
                format!("{}{set}", visible(&interest.name)),
                format!("{:+.4}", interest.part),
                format!("{:.2}", interest.confidence),
                format!("{:.2}", interest.recency),
                format!("{:.2}", interest.specificity),
            ]);
        }
        printer.line(rows.trim_fmt())?;
    }
    let others = told.passages.get(1..).unwrap_or_default();
    let file = Path::new(&told.document.path).file_name().unwrap_or_default().to_string_lossy();
    for other in others.iter().take(SHOWN_PASSAGES) {
        let line = format!(
            "also      {}{}  rank {} with, {} without  {}",
            visible(&file),
            stretch(other.lines, other.pages),
            other.rank,
            other.rank_without,
            visible(&other.heading)
        );
        printer.line(line.trim_end())?;
    }
    let n_more = others.len().saturating_sub(SHOWN_PASSAGES) as u64;
    if n_more > 0 {
        printer.line(format!("also      {}", counted(n_more, "more passage", "more passages")))?;
    }
    Ok(())
}

/// `:12-30` or `, pages 3–4`, as far as the format has such a thing.
fn stretch(lines: Option<[u32; 2]>, pages: Option<[u32; 2]>) -> String {
    match (pages, lines) {
        (Some([first, last]), _) if first == last => format!(", page {first}"),
        (Some([first, last]), _) => format!(", pages {first}–{last}"),
        (None, Some([first, last])) => format!(":{first}-{last}"),
        (None, None) => String::new(),
    }
}

fn print_questions(questions: &[FoundBy], printer: &Printer) -> Result<()> {
    if questions.is_empty() {
        return Ok(());
    }
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let mut rows = table(printer, &["id", "when", "rank", "", "question that found it"]);
    for found in questions {
        let cited = if found.is_cited { "cited" } else { "" };
        let judged = found.feedback.map(Feedback::as_str).unwrap_or_default();
        rows.add_row([
            short_id(&found.id).to_owned(),
            age_in_words(found.timestamp_ms, now_ms),
            found.rank.to_string(),
            [cited, judged].join(" ").trim().to_owned(),
            visible(&found.query).into_owned(),
        ]);
    }
    printer.line(rows.trim_fmt())
}

fn compare(
    asked: &AskedArgs,
    memory: Memory,
    persona: &Persona,
    session: &Session,
) -> Result<Outcome> {
    let library = session.existing_library()?;
    let looked = Looked::at(asked, memory, persona, &library, session)?;
    let (both, k) = (&looked.both, looked.request.k);
    let shown = &both.with[..k.min(both.with.len())];
    let with: Vec<told::Placed> = shown
        .iter()
        .map(|found| {
            let (before, after) = (found.rank_without, found.hit.rank);
            told::Placed::new(&found.hit, before, Move::between(before, after, k))
        })
        .collect();
    let without: Vec<told::Placed> = both
        .without
        .iter()
        .take(k)
        .map(|hit| {
            let now = both.with.iter().find(|found| found.rank_without == hit.rank);
            let after = now.map_or(usize::MAX, |found| found.hit.rank);
            told::Placed::new(hit, after, Move::between(hit.rank, after, k))
        })
        .collect();
    let now: Vec<usize> = with.iter().map(|placed| placed.other_rank).collect();
    let before: Vec<usize> = without.iter().map(|placed| placed.rank).collect();
    let comparison = told::Comparison {
        persona: persona.name.as_str().to_owned(),
        query: asked.query.clone(),
        k,
        passages_found: both.with.len(),
        unmoved: looked.unmoved.map(Unmoved::as_str),
        share: told::Share::new(both, &looked.settings),
        overlap: overlap_at(k, &now, &before),
        kendall: kendall(&now, &before),
        with,
        without,
        time: looked.time.as_ref().map(wire::QuestionTime::from),
    };
    let printer = &session.printer;
    if printer.is_json() {
        printer.json(&comparison)?;
        return Ok(Outcome::Done);
    }
    if comparison.with.is_empty() {
        printer.line("Nothing found.")?;
    } else {
        let header = ["", "with the profile", "move", "without it", "goes to"];
        let shown = |placed: &told::Placed| {
            let path = shortened(&placed.document.path);
            format!("{}{}", visible(&path), stretch(placed.lines, placed.pages))
        };
        let mut rows = table(printer, &header);
        for (with, without) in comparison.with.iter().zip(&comparison.without) {
            let goes_to = match without.moved {
                "gone" if without.other_rank == usize::MAX => "gone".to_owned(),
                "gone" => format!("gone ({})", without.other_rank),
                _ => without.other_rank.to_string(),
            };
            rows.add_row([
                with.rank.to_string(),
                shown(with),
                Move::between(with.other_rank, with.rank, k).to_string(),
                shown(without),
                goes_to,
            ]);
        }
        printer.line(rows.trim_fmt())?;
        let order =
            comparison.kendall.map_or_else(String::new, |tau| format!(", order τ {tau:.2}"));
        printer.line(format!("overlap@{k} {:.2}{order}", comparison.overlap))?;
    }
    if let Some(unmoved) = looked.unmoved {
        printer.line(format!("The profile changes nothing: {}.", reason(unmoved, persona)))?;
    }
    search::print_time(looked.time.as_ref(), false, printer)?;
    note_if_behind(both, printer);
    Ok(Outcome::Done)
}

/// What is asked of both rankings of one question, and the profile that they are for.
struct Asked<'a> {
    library: &'a Library,
    profile: Option<&'a Profile>,
    requests: Vec<SearchRequest>,
}

impl<'a> Asked<'a> {
    /// Each question within the persona's collections, and in the time that it speaks of.
    fn new(
        trials: &[Trial],
        asking: &Asking,
        (library, profile): (&'a Library, Option<&'a Profile>),
    ) -> Result<Self> {
        let request = |trial: &Trial| -> Result<SearchRequest> {
            let mut request = SearchRequest::new(trial.query.as_str(), &library.settings().search);
            request.k = experiment::K;
            asking.settle(&mut request)?;
            Ok(request)
        };
        let requests = trials.iter().map(request).collect::<Result<_>>()?;
        Ok(Self { library, profile, requests })
    }

    fn ask(&self, at: usize, variant: Variant) -> ragged::error::Result<Vec<String>> {
        let Some(request) = self.requests.get(at) else { return Ok(Vec::new()) };
        let profile = self.profile.filter(|_| variant == Variant::On);
        let response = self.library.search_for(request, profile)?;
        Ok(experiment::documents_of(&response.hits))
    }
}

fn analytics(
    limit: usize,
    n_replayed: usize,
    memory: Memory,
    persona: &Persona,
    session: &Session,
) -> Result<Outcome> {
    let remembered = memory.of(&persona.name)?;
    let known = remembered.analytics(&persona.draft.focus_areas, limit)?;
    let mut unmoved = None;
    let mut replayed = None;
    if n_replayed > 0 && session.require_library().is_ok() {
        let library = session.library()?;
        let asking = Asking::aside(memory, persona.clone(), session)?;
        let profile = asking.profile(&library)?;
        unmoved = Library::why_unmoved(persona, asking.personalisation(), profile.as_deref());
        if unmoved.is_none() {
            let of = (&library, profile.as_deref());
            replayed = Some(replay(&remembered, n_replayed, &asking, of)?);
        }
    }
    let told = told::Analytics::new(persona, &known, unmoved, replayed);
    let printer = &session.printer;
    if printer.is_json() {
        printer.json(&told)?;
        return Ok(Outcome::Done);
    }
    let questions = &told.questions;
    printer.line(format!(
        "topics     {} tracked, {} of them above {:.1}, of {} met",
        thousands(told.tracked),
        thousands(told.sure),
        ragged::memory::SURE_CONFIDENCE,
        thousands(told.topics),
    ))?;
    printer.line(format!(
        "questions  {}, {} in the last {RECENT_DAYS} days; feedback {} good, {} bad",
        thousands(questions.all),
        thousands(questions.last_7_days),
        thousands(questions.good),
        thousands(questions.bad),
    ))?;
    if let Some(since) = known.since_ms {
        printer.line(format!("profile    begun {}", age_in_words(since, known.now_ms)))?;
    }
    if !told.distribution.is_empty() {
        let mut rows = table(printer, &["topic", "share", "confidence"]);
        for topic in &told.distribution {
            rows.add_row([
                visible(&topic.topic).into_owned(),
                format!("{:.1} %", 100.0 * topic.share),
                format!("{:.2}", topic.confidence),
            ]);
        }
        printer.line(rows.trim_fmt())?;
    }
    if let Some(unmoved) = unmoved {
        printer.line(format!("The profile changes nothing: {}.", reason(unmoved, persona)))?;
    }
    if let Some(replay) = &told.replay {
        print_replay(replay, printer)?;
    }
    Ok(Outcome::Done)
}

fn replay(
    remembered: &PersonaMemory,
    n_replayed: usize,
    asking: &Asking,
    of: (&Library, Option<&Profile>),
) -> Result<told::WireReplay> {
    let again = |trials: Vec<Trial>| -> Result<Replay> {
        let asked = Asked::new(&trials, asking, of)?;
        let mut ask = |at, variant| asked.ask(at, variant);
        let tested = experiment::run(&trials, 0, &mut ask, &mut |_, _| true)?;
        Ok(experiment::replay(&tested))
    };
    let last = remembered.last_questions(n_replayed)?;
    let judged = remembered.judged_questions(n_replayed)?.into_iter();
    let judged = judged.filter(ragged::memory::JudgedQuestion::has_relevant);
    Ok(told::WireReplay::new(
        &again(last.into_iter().map(Trial::unjudged).collect())?,
        &again(judged.map(Trial::by_feedback).collect())?,
    ))
}

fn print_replay(replay: &told::WireReplay, printer: &Printer) -> Result<()> {
    printer.line(format!(
        "asked again: the last {}; {} ranked in another way",
        counted(replay.questions as u64, "question", "questions"),
        thousands(replay.moved as u64),
    ))?;
    let judged = counted(replay.judged as u64, "question", "questions");
    match (replay.share_helped, replay.ndcg_without, replay.ndcg_with) {
        (Some(share), Some(without), Some(with)) => {
            printer.line(format!(
                "judged by feedback: {judged}; {} helped ({:.0} %), {} hurt; nDCG@10 {without:.4} → \
                 {with:.4} ({:+.4})",
                thousands(replay.helped as u64),
                100.0 * share,
                thousands(replay.hurt as u64),
                with - without,
            ))?;
            printer.note(
                "The profile learned from these very questions; `ragged memory ab-test` with \
                 others says more.",
            );
            Ok(())
        }
        _ => printer.line(format!(
            "judged by feedback: {judged}, not enough data: {} are needed; `ragged memory \
             feedback` judges",
            replay.needed
        )),
    }
}
