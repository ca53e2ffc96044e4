//! A token → its canonical word: case, accents and plurals folded, whatever the language.

use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::char::is_combining_mark;

use crate::lexical;

/// Words whose plural no rule gives, and words that only look like plurals.
pub(super) const IRREGULAR: &str = "\
    children=child men=man women=woman mice=mouse teeth=tooth feet=foot geese=goose indices=index \
    vertices=vertex matrices=matrix appendices=appendix analyses=analysis theses=thesis \
    hypotheses=hypothesis crises=crisis diagnoses=diagnosis bases=base axes=axis \
    criteria=criterion phenomena=phenomenon leaves=leaf loaves=loaf knives=knife wives=wife \
    wolves=wolf shelves=shelf halves=half lives=life thieves=thief movies=movie cookies=cookie \
    pies=pie ties=tie lies=lie dies=die calories=calorie zombies=zombie brownies=brownie \
    smoothies=smoothie selfies=selfie hoodies=hoodie budgies=budgie genies=genie species=species \
    series=series caches=cache aches=ache headaches=headache niches=niche quiches=quiche \
    avalanches=avalanche shoes=shoe toes=toe canoes=canoe buses=bus viruses=virus \
    statuses=status campuses=campus bonuses=bonus censuses=census focuses=focus cactuses=cactus \
    circuses=circus sinuses=sinus lenses=lens lens=lens news=news gas=gas gases=gas bias=bias \
    biases=bias atlas=atlas canvas=canvas alias=alias aliases=alias christmas=christmas \
    texas=texas kansas=kansas dallas=dallas thomas=thomas lucas=lucas jonas=jonas \
    andreas=andreas nicolas=nicolas douglas=douglas pancreas=pancreas keras=keras chaos=chaos \
    cosmos=cosmos ethos=ethos pathos=pathos laos=laos kudos=kudos macos=macos ios=ios \
    https=https kubernetes=kubernetes postgres=postgres jenkins=jenkins diabetes=diabetes \
    rabies=rabies herpes=herpes measles=measles mars=mars hermes=hermes james=james \
    charles=charles wales=wales athens=athens brussels=brussels netherlands=netherlands \
    sass=sass yes=yes perhaps=perhaps always=always pcs=pc cpus=cpu gpus=gpu tpus=tpu menus=menu apis=api clis=cli guis=gui \
    wikis=wiki taxis=taxi skis=ski kiwis=kiwi emojis=emoji chilis=chili vms=vm cds=cd tvs=tv";

static IRREGULARS: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    IRREGULAR.split_ascii_whitespace().filter_map(|pair| pair.split_once('=')).collect()
});

/// Endings, and how many bytes of them go. The first that fits is taken.
const ENDINGS: [(&str, usize); 17] = [
    // German and Dutch abstract nouns, Romance -ion.
    ("ungen", 2),
    ("heiten", 2),
    ("keiten", 2),
    ("schaften", 2),
    ("tionen", 2),
    ("iones", 2),
    // English.
    ("sses", 2),
    ("shes", 2),
    ("ches", 2),
    ("xes", 2),
    ("zzes", 2),
    ("oes", 2),
    // No plurals.
    ("ics", 0),
    ("ss", 0),
    ("us", 0),
    ("is", 0),
    ("s", 1),
];

/// Writes the canonical form of `token` into `word`. A fixed point: the form of the form is itself.
/// Empty if no letter or digit is left.
pub(super) fn fold(token: &str, word: &mut String) {
    word.clear();
    if token.bytes().all(|byte| byte.is_ascii_lowercase()) {
        word.push_str(token);
    } else if token.is_ascii() {
        let lower = token.bytes().map(|byte| char::from(byte.to_ascii_lowercase()));
        word.extend(lower.filter(|c| !matches!(c, '\'' | ',' | '-')));
    } else {
        let decomposed = lexical::fold(token);
        let lower: String = decomposed.chars().flat_map(char::to_lowercase).collect();
        // Lower case may bring an accent of its own with it (İ).
        // Terms with signs are ASCII; a sign here came out of a compatibility character (⒈).
        let kept = |c: &char| c.is_alphanumeric() || is_combining_mark(*c) || *c == '_';
        let folded = lexical::fold(&lower);
        word.extend(folded.chars().filter(kept));
        // Marks that a sign stood between are neighbours now, and neighbours have an order.
        if word.len() < folded.len() {
            *word = lexical::fold(word);
        }
    }
    // Only initials end in a full stop or have one between single letters: U.S. is US.
    let is_initial =
        |part: &str| part.len() <= 1 && !part.starts_with(|c: char| c.is_ascii_digit());
    if word.contains('.') && word.split('.').all(is_initial) {
        word.retain(|c| c != '.');
    }
    // An accent that went may have stood beside an underscore.
    if word.contains('_') {
        let parts: Vec<&str> = word.split('_').filter(|part| !part.is_empty()).collect();
        *word = parts.join("_");
    }
    word.truncate(word.trim_end_matches('.').len());
    if !word.chars().all(char::is_alphabetic) {
        return;
    }
    // childrens → children → child. Each step shortens the word or ends in the table.
    for _ in 0..4 {
        if !singular(word) {
            break;
        }
    }
}

/// Takes one plural ending away; whether there was one.
fn singular(word: &mut String) -> bool {
    // What every plural ends in, in the table and out of it.
    if !word.ends_with(['s', 'n', 'e', 't', 'h', 'a']) {
        return false;
    }
    if let Some(&singular) = IRREGULARS.get(word.as_str()) {
        let changed = singular != word;
        if changed {
            singular.clone_into(word);
        }
        return changed;
    }
    if word.len() < 4 {
        return false;
    }
    if word.len() > 4 && word.ends_with("ies") {
        word.truncate(word.len() - 3);
        word.push('y');
        return true;
    }
    let Some(&(_, n_bytes)) = ENDINGS.iter().find(|(ending, _)| word.ends_with(ending)) else {
        return false;
    };
    word.truncate(word.len() - n_bytes);
    n_bytes > 0
}
