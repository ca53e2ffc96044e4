//! What a word does in a question, by lists: closed classes, verbs of asking, words too general
//! to be a topic. The lists are of English; of the other languages there are the stop words, the
//! words that questions begin with, and what is asked for.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::lexical::Language;

/// What a word does in a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// May be part of a topic, and may be one.
    Content,
    /// No topic by itself, but part of one: *effects* in *side effects*.
    Part,
    /// Falls off at the end of a topic: *techniques*. In front of other words it stays.
    Tail,
    /// A verb or a noun: *plant*, *support*. The words around it decide.
    Either,
    /// A verb, and never part of a topic.
    Verb,
    /// Ends a topic: stop words, adverbs, words of quality and quantity.
    Break,
    /// Who does something: a verb follows.
    Subject,
    /// *to*.
    To,
    /// *do*, *can*: a verb follows later on.
    Modal,
    /// *is*, *was*.
    Be,
    /// *what*, *who*, before *is*.
    Question,
    /// A preposition after which a word in -ing is no topic: *without*, *before*.
    BeforeIng,
}

const ENGLISH: &[(Role, &str)] = &[
    (
        Role::Subject,
        "\
        i we you they he she i've we've you've they've i'd we'd you'd they'd i'll we'll you'll \
        they'll he'd she'd he'll she'll let's lets please gonna",
    ),
    (
        Role::To,
        "\
        to",
    ),
    (
        Role::Modal,
        "\
        do does did don't doesn't didn't can could should would will must may might shall can't \
        couldn't shouldn't won't wouldn't cannot",
    ),
    (
        Role::Be,
        "\
        am is are was were be been being isn't aren't wasn't weren't i'm we're you're they're \
        it's he's she's gets got keeps",
    ),
    (
        Role::Question,
        "\
        what who which whose whom why what's who's whats whos how's where's that that's there \
        there's",
    ),
    (
        Role::BeforeIng,
        "\
        without before after by while when since despite instead",
    ),
    (
        Role::Break,
        "\
        within outside inside across among amongst around near beyond behind beside besides \
        except like per since toward towards upon via versus vs v regarding concerning \
        according due related relating along throughout onto minus plus till unless whether \
        amid next opposite worth thanks thank hello hi hey yes no ok okay sorry good better \
        best bad worse worst big bigger biggest large larger largest small smaller smallest new \
        newer newest old older oldest recent latest last previous prior first second third \
        fourth early earlier late later long longer short shorter high higher low lower fast \
        faster slow slower quick easy easier simple hard harder difficult important main major \
        minor many much several various different same similar other certain sure possible \
        impossible available able common typical specific particular true wrong right fine \
        great nice cheap cheaper expensive full whole entire own just also still already ever \
        never always often sometimes rather quite enough almost again together instead else \
        even though although however therefore ago today yesterday tomorrow tonight now soon \
        once twice somewhere anywhere everywhere nowhere somehow something anything nothing \
        everything someone somebody anyone anybody nobody everyone everybody maybe perhaps \
        currently about away forward apart alone aside current ongoing upcoming former useful \
        helpful interesting relevant necessary proper correct exact total one two three four \
        five six seven eight nine ten eleven twelve hundred thousand million dozen half both \
        either neither every another us it its this these those etc eg ie e.g i.e aka etcetera \
        lot lots bit plenty couple few less least more most thing things stuff way ways example \
        examples kind kinds sort sorts information info detail details advice idea ideas \
        differences diferences diffrence similarity similarities advantage advantages \
        disadvantage disadvantages pros cons drawback drawbacks reason reasons overview summary \
        summaries introduction intro basics day days week weeks month months year years hour \
        hours minute minutes moment weekend morning evening afternoon night's monday tuesday \
        wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays \
        saturdays sundays january february march april june july august september october \
        november december jan feb apr jun jul aug sep sept oct nov dec summer's spring's whats \
        hows wheres thats theres dont doesnt didnt cant isnt wont im ive id youre theyre gonna \
        wanna gotta kinda sorta lol btw fyi asap tbh imo pls plz thx wether wich teh everytime \
        yeah nope hmm um uh well so oh beginner beginners' really works working worked \
        favourite favorite personal overall given likely unlikely compared difference \
        responsible quarter quarters anyway regardless aware afraid curious unsure interested \
        happy sad angry busy ready alive fewer easiest cheapest fastest safest healthiest \
        strongest weakest highest lowest nearest closest somewhat mostly mainly otherwise \
        meanwhile moreover furthermore hence thus elsewhere wherever whenever whatever whoever \
        indoors outdoors upstairs downstairs overnight nowadays lately ahead afterwards \
        beforehand e.g. i.e.",
    ),
    (
        Role::Tail,
        "\
        technique techniques method methods strategy strategies approach approaches problem \
        problems issue issues tip tips trick tricks note notes document documents doc docs file \
        files guide guides tutorial tutorials result results setup setups explanation \
        comparison explained comparisons options option workaround workarounds steps step \
        documentation wiki faq cheatsheet evaluation wise stuff recommendations suggestions \
        discussion discussions passage passages article articles paper papers topic topics \
        subject subjects source sources time times people person experience experiences version \
        versions tool tools pros outcome happening situation chapter chapters page pages \
        section sections",
    ),
    (
        Role::Part,
        "\
        effect effects level levels story point points size sizes rate rates type types form \
        forms state states change changes figure figures value values requirement requirements \
        symptom symptoms text texts sign signs talk talks side sides group groups set sets name \
        names term terms area areas case line lines end order system systems process processes \
        use uses usage feature features function functions item items look mistake mistakes \
        evidence impact influence importance history ethics error errors conversation email \
        emails message messages feedback minutes accuracy performance quality cost costs \
        schedule template pattern patterns policy analysis prevention explained date dates \
        length limit limits count benefit benefits cause causes connection connections \
        relationship rule rules outcome outcomes question questions answer answers part parts \
        place places paragraph amount number numbers cases definition definitions meaning \
        purpose back role roles list lists reading lying",
    ),
    (
        Role::Either,
        "\
        support cover cost cause affect plant book train water call name plan test run change \
        play drive walk fly park cook grow store cut freeze boil bake fry peel chop repair \
        clean wash rent sleep travel paint design build update review handle sign visit use \
        study look question drop return release work measure save schedule process land report \
        move stay live trade guard track model pack file back ship shop heat cool taste smell \
        sound feel hurt fit match push charge lock bow claim cross delay demand display edit \
        face fold force glue guess harm highlight lack launch leak merge mix notice object \
        paste pause plug polish press print promise purchase quote reverse ring roll shave \
        smoke spell spill spin split spread stick stretch strike strip supply surprise switch \
        touch transform transport treat trigger trust turn twist upgrade waste wipe wrap beat \
        bite blow boost commit escape rise raise reach repeat rescue retry rub scream sink slip \
        soak sweep swell tie translate rank sort count tune act share contact leave check \
        search offer deal drink stop start speed",
    ),
    (
        Role::Verb,
        "\
        find found show shows showed shown compare compares compared comparing explain explains \
        explained explaining describe describes describing summarise summarises summarising \
        summarize summarizing tell tells told give gives gave given giving get getting make \
        makes made making take takes took taken taking put puts putting let know knows knew \
        known knowing think thinks thought believe remember remembers remembering remind recall \
        mention mentions mentioned discuss discussed decide decided agree agreed say says said \
        saying ask asks asked asking want wants wanted need needs needed wish hope try tries \
        tried trying use using used apply applies applied prevent prevents prevented avoid \
        avoids avoiding improve improves improved improving increase increases increased \
        increasing decrease decreases decreased reduce reduces reduced reducing manage manages \
        create creates created creating add adds added adding remove removes removed removing \
        delete deletes deleted deleting insert inserted convert converts converted converting \
        choose chose chosen choosing select selected pick picked install installs installed \
        installing configure configures configured configuring confgure set enable enabled \
        disable disabled fix fixes fixed fixing solve solves solved solving resolve resolves \
        resolved debug dealing ensure checks checked checking verify validate learn learned \
        learnt understand understood see seen saw locate open opened opening close closed keep \
        keeps kept hold holds become becomes became seem seems appear appears appeared happen \
        happens happened happening occur occurs exist exists include includes included \
        including contain contains containing involve involves involved require requires \
        required depend depends differ differs relate relates connect connects connected \
        connecting affects affected allow allows allowed permit enables provide provides \
        provided offers receive received send sent sending bring brought buy bought buying sell \
        sold selling pay paid paying spend spent eat eats ate eaten drank go goes went gone \
        come comes came left die dies died felt starts started starting stops stopped begin \
        begins began end finish finished continue continues wait waiting mean means meant cover \
        covers covered causes caused lead leads led prefer recommend recommends recommended \
        suggest suggests advise deserve refer refers define defines defined determine \
        determines identify calculate calculates calculated compute estimate estimated evaluate \
        assess analyse analyze prepare prepares prepared organise organize arrange cancel renew \
        renewed submit submitted attend attended join joined meet met hear heard listen watch \
        watched read reads wrote write writes written writing publish published develop \
        develops implement implements implemented perform performs conduct execute generate \
        generates produce produces extract collect gather gain lose lost win won break breaks \
        broke fail fails failed failing carry works working worked costs undo supports \
        supported saved planted booked called named planned tested ran played drove walked flew \
        cooked grew stored cleaned washed rented slept travelled painted designed built updated \
        reviewed handles handled signed visited studied looked looking dropped dropping \
        returned released moved stayed lived reset fall fell substitute substitutes replace \
        replaces replaced swap lookup worried wondering wonder going stands stand sits listed \
        shared bear lay lie pull pulls pulled pushes talked talking talk spoke speak speaks \
        handle pair drain drains taxed measured binding deduct refuse refuses refused freezes \
        boils lets thrive survive acts serve serves served sorted ranked attach ignore ignored \
        hate love loved liked enjoy invests invested hurts help helps helped thaw borrow lend owe hire quit wake sit \
        throw threw catch caught climb forget forgot grab hang hide hid kill knock lift miss \
        obtain overcome perceive postpone proceed protect prove react realise realize recover \
        reject rely resemble resist respond retain reveal scare seek shut stir struggle succeed \
        suffer surround swear tend terminate threaten tolerate turned turning undergo unlock \
        urge vary warn weigh yell accept accepted achieve achieved adapt adjust admit adopt \
        afford announce approve argue assign assume assumes attract belong bleed bother bounce \
        breathe celebrate chase cheat chew cling combine combined communicate complain \
        concentrate confirm confuse confused consider considered consist consume contribute \
        convince cope crawl dare declare defend deliver deny detect detected discover \
        discovered dismiss divide divided earn eliminate embarrass emerge encourage enter \
        establish examine excuse expand expect expected explore express extend fetch fill \
        filled follow follows followed forgive formatted greet grind hesitate hurry imagine \
        imply impress inform inspect intend introduce introduced invent invite kneel laugh \
        maintain marry melt modify multiply neglect obey observe operate oppose overlook \
        participate pass persuade pour preserve pretend pronounce propose punish pursue qualify \
        recognise recognize reflect regret relax restore restrict retire rewrite rid ruin \
        satisfy settle shake shrink sneeze specify spoil squeeze suck suppose swallow taught \
        teach tempt thank tighten unblock unclog vanish wander whisper whistle wink withdraw \
        worry",
    ),
];

/// For each language but English: the words that questions begin with, verbs of asking, and what
/// is asked for. Stop words come from [`Language`].
const OTHERS: &[(Language, &str)] = &[
    (
        Language::German,
        "\
        wie was wer wo wann warum wieso weshalb welche welcher welches welchen welchem wozu \
        woher wohin wieviel zeige zeig zeigen finde finden such suche suchen erkläre erklär \
        erklären vergleiche vergleichen beschreibe nenne gib gibt liste sag sage sagen steht \
        stehen habe hat haben brauche brauchst braucht brauchen funktioniert funktionieren \
        macht mache machen bitte unterschied unterschiede unterlagen notizen notiz dokument \
        dokumente datei dateien beispiel beispiele information informationen ding dinge sache \
        sachen art arten möglichkeit möglichkeiten tipps überblick zusammenfassung thema themen \
        frage fragen grund gründe vorteile nachteile letzte letzten letzter letztes nächste \
        nächsten neue neuen neuer neues alte alten gute guten beste besten wichtig wichtige \
        wichtigsten große großen kleine kleinen viel viele mehr heute gestern morgen jahr jahre \
        jahren monat monate woche wochen tag tage montag dienstag mittwoch donnerstag freitag \
        samstag sonntag januar februar märz april mai juni juli august september oktober \
        november dezember kann können muss müssen soll sollte darf dürfen gegen gut schnell \
        einfach eigentlich schon noch immer mal laut statt wegen trotz beim vom ins geht gehen \
        läuft bekommt bekomme wurde wurden worden \
        gelesen lese las geschrieben schrieb notiert notierte gefragt gesucht gefunden gelernt",
    ),
    (
        Language::French,
        "\
        quel quelle quels quelles comment pourquoi quand où combien qui quoi est-ce est trouver \
        trouve trouvez montrer montre montre-moi montrez expliquer explique expliquez comparer \
        compare comparez décrire lister liste donner donne dire dis faire fait fonctionne \
        fonctionnent marche peut puis peux dois doit faut tant entre sous sans chez vers depuis \
        pendant avant après contre plus moins très bien bon bonne meilleur meilleure nouveau \
        nouvelle dernier dernière différence différences exemple exemples note notes document \
        documents fichier fichiers information informations chose choses façon manière conseil \
        conseils résumé aperçu question questions sujet sujets raison raisons avantages \
        inconvénients aujourd'hui hier demain jour jours semaine semaines mois an ans année \
        années lundi mardi mercredi jeudi vendredi samedi dimanche tout tous toute toutes cela \
        ça sont ont avoir être utiliser \
        lu lis lue lues lire écrit écris écrire noté noter demandé cherché trouvé appris",
    ),
    (
        Language::Spanish,
        "\
        qué cómo cuándo dónde quién quiénes cuál cuáles cuánto cuánta cuántos cuántas porqué \
        buscar busca encontrar encuentra encuentre mostrar muestra muéstrame explicar explica \
        explícame comparar compara describir listar lista dar dame decir dice dicen hacer hace \
        hago funciona funcionan puede puedo pueden debo debe necesito necesita según bajo tras \
        hacia mejor mejores peor nuevo nueva nuevos nuevas último última diferencia diferencias \
        ejemplo ejemplos nota notas documento documentos archivo archivos información cosa \
        cosas manera forma consejo consejos resumen pregunta preguntas tema temas razón razones \
        ventajas desventajas hoy ayer mañana día días semana semanas mes meses año años lunes \
        martes miércoles jueves viernes sábado domingo ser haber usar muy bien \
        leí leído leer escribí escrito escribir anoté anotado pregunté preguntado busqué buscado \
        encontré encontrado aprendí aprendido",
    ),
    (
        Language::Italian,
        "\
        quale quali quando perché dove chi cosa come quanto quanti trova trovare mostra \
        mostrami spiega spiegare confronta elenca descrivi differenza differenze esempio esempi \
        nota note documento documenti file informazioni cose modo consigli riassunto domanda \
        oggi ieri domani giorno settimana mese anno funziona funzionano posso devo fare \
        letto leggere lessi scritto scrivere scrissi annotato chiesto cercato trovato imparato",
    ),
    (
        Language::Portuguese,
        "\
        qual quais quando porque onde quem como quanto quantos encontrar encontre mostrar \
        mostre explicar explique comparar compare listar descrever diferença diferenças exemplo \
        exemplos nota notas documento documentos arquivo informação coisa coisas maneira dicas \
        resumo pergunta hoje ontem amanhã dia semana mês ano funciona posso devo fazer sobre \
        li lido ler escrevi escrito escrever anotei anotado perguntei procurei procurado encontrei \
        encontrado aprendi aprendido",
    ),
    (
        Language::Dutch,
        "\
        wat wie waar wanneer waarom welke welk hoe hoeveel vind zoek toon laat leg vergelijk \
        beschrijf noem verschil verschillen voorbeeld voorbeelden notitie notities document \
        documenten bestand bestanden informatie ding dingen manier tips samenvatting vraag \
        vragen vandaag gisteren morgen dag week maand jaar werkt werken moet zijn \
        gelezen lees las geschreven schreef genoteerd gevraagd gezocht gevonden geleerd",
    ),
    (
        Language::Danish,
        "\
        hvad hvem hvor hvornår hvorfor hvilken hvilke hvilket hvordan mellem forskellen find \
        vis forklar sammenlign beskriv forskel forskelle eksempel eksempler note noter dokument \
        dokumenter fil filer oplysninger ting måde råd resumé spørgsmål dag uge måned år virker \
        fungerer \
        læst læste skrevet skrev noteret spurgt søgt fundet lært",
    ),
    (
        Language::Norwegian,
        "\
        hva hvem hvor når hvorfor hvilken hvilke hvilket hvordan mellom forskjellen finn vis \
        forklar sammenlign beskriv forskjell forskjeller eksempel eksempler notat notater \
        dokument dokumenter fil filer informasjon ting måte råd sammendrag spørsmål dag uke \
        måned år virker fungerer \
        lest leste skrevet skrev notert spurt søkt funnet lært",
    ),
    (
        Language::Swedish,
        "\
        vad vem var när varför vilken vilka vilket hur hitta visa förklara jämför beskriv \
        skillnad skillnader exempel anteckning anteckningar dokument fil filer information sak \
        saker sätt råd sammanfattning fråga frågor dag vecka månad år fungerar mellan \
        läst läste skrivit skrev noterat frågat sökt hittat lärt",
    ),
    (
        Language::Finnish,
        "\
        mikä mitä kuka missä milloin miksi miten kuinka mitkä mistä etsi näytä selitä vertaa \
        kuvaile ero erot esimerkki esimerkkejä muistiinpanot asiakirja tiedosto tiedostot tieto \
        asia asiat tapa vinkit kysymys päivä viikko kuukausi vuosi toimii",
    ),
    (
        Language::Hungarian,
        "\
        mi mit ki hol mikor miért hogyan melyik mennyi hány keresd mutasd magyarázd hasonlítsd \
        írd különbség példa példák jegyzet jegyzetek dokumentum fájl információ dolog dolgok \
        mód tippek összefoglaló kérdés ma tegnap nap hét hónap év működik",
    ),
    (
        Language::Russian,
        "\
        мои моего моей моих наш наша наши твой твоя что кто где когда почему зачем как какой какая какие какое каких сколько найди найти \
        покажи показать объясни объяснить сравни сравнить опиши разница различие отличие пример \
        примеры заметка заметки документ документы файл файлы информация вещь вещи способ \
        советы обзор вопрос вопросы сегодня вчера завтра день неделя месяц год работает \
        работают",
    ),
];

type Roles = HashMap<&'static str, Role>;

static ROLES: LazyLock<[Roles; Language::ALL.len()]> = LazyLock::new(|| {
    Language::ALL.map(|language| {
        let mut roles = Roles::new();
        let mut add = |role, words: &'static str| {
            for word in words.split_ascii_whitespace() {
                roles.entry(word).or_insert(role);
            }
        };
        if language == Language::English {
            for &(role, words) in ENGLISH {
                add(role, words);
            }
        }
        add(Role::Break, language.stop_words());
        for &(other, words) in OTHERS {
            if other == language {
                add(Role::Break, words);
            }
        }
        roles
    })
});

/// Which languages have a word as a stop word or in their lists, as bits.
static LANGUAGES: LazyLock<HashMap<&'static str, u16>> = LazyLock::new(|| {
    let mut languages = HashMap::new();
    let mut add = |language: Language, words: &'static str| {
        for word in words.split_ascii_whitespace() {
            *languages.entry(word).or_insert(0) |= 1 << language as u16;
        }
    };
    for language in Language::ALL {
        add(language, language.stop_words());
    }
    for &(language, words) in OTHERS {
        add(language, words);
    }
    for &(_, words) in ENGLISH {
        add(Language::English, words);
    }
    for word in HOMOGRAPHS.split_ascii_whitespace() {
        *languages.entry(word).or_insert(0) |= 1 << Language::English as u16;
    }
    languages
});

/// English words that other languages have as stop words.
const HOMOGRAPHS: &str = "\
    dog die war men bin hat man fire son era eras hun sin pour sur mine under mit bad hen ham \
    mange den var ad no me come hay mi has her per for an at on in is so also gut art tag rat \
    net van mail via fast wild park bank hotel film test over here was sang ton dame dire tant \
    note notes plus cent main sales document documents information question questions file \
    files date mal ins fil dag ting rod sak sat vis find hem hoe leg dit we made hot stand fond \
    sous tema bare ben bis chi com con dai dan dig dine door dove due ed fosse hans ill ja jag \
    jo kan la las let los maga med meg met mia mint mir mod mon mot nada nas ned nun ons op os \
    pas sa sans sea seas sedan sera sine som sono sua tai til till tutti vars vi vor want wat \
    wie will todo volt oss als zum ours kell lett dal fu lei poco soi ante col tal sal hon \
    dolog forma tip tips arten sag sage finn vad hur hol rad thema topics ragout dato nap visa";

/// In which order languages are preferred that a text may be in alike.
const PREFERRED: [Language; 13] = [
    Language::English,
    Language::German,
    Language::French,
    Language::Spanish,
    Language::Italian,
    Language::Portuguese,
    Language::Dutch,
    Language::Russian,
    Language::Swedish,
    Language::Danish,
    Language::Norwegian,
    Language::Finnish,
    Language::Hungarian,
];

/// How many words a language is judged by.
pub(super) const WORDS_JUDGED: usize = 64;

/// The language of a short text, by the words that only some languages have; English without any
/// evidence. A word says more the fewer languages share it.
pub(super) fn language(words: &[String]) -> Language {
    let mut votes = [0_f32; Language::ALL.len()];
    // A word that joins others is never the last of a text.
    let n_judged = words.len().saturating_sub(1).min(WORDS_JUDGED);
    for word in &words[..n_judged] {
        let Some(&languages) = LANGUAGES.get(word.as_str()) else { continue };
        // "vitamin D"
        if word.len() < 2 {
            continue;
        }
        for (idx, votes) in votes.iter_mut().enumerate() {
            if languages & (1 << idx) != 0 {
                *votes += 1.0 / languages.count_ones() as f32;
            }
        }
    }
    let english = votes[Language::English as usize];
    let best = PREFERRED.into_iter().reduce(|best, other| {
        if votes[other as usize] > votes[best as usize] + 1e-6 { other } else { best }
    });
    // The short words of German and Dutch are English words too (was, die, war).
    match best {
        Some(best) if votes[best as usize] > english + 0.2 => best,
        _ => Language::English,
    }
}

/// Adjectives and nouns in -ly; every other such word is an adverb.
const NO_ADVERBS: &str = " family supply assembly anomaly reply italy july butterfly jelly belly lily \
    monopoly fly apply multiply ally bully daily weekly monthly quarterly yearly elderly melancholy \
    homily doily gully folly holly dolly molly sicily poly ply sly rely imply comply ";

/// The role of a word in lower case.
pub(super) fn role(language: Language, word: &str) -> Role {
    if let Some(&role) = ROLES[language as usize].get(word) {
        return role;
    }
    let is_adverb = language == Language::English
        && word.len() > 4
        && word.ends_with("ly")
        && !word.ends_with("assembly")
        && !NO_ADVERBS.contains(&format!(" {word} "));
    if is_adverb { Role::Break } else { Role::Content }
}

/// Words after which *to* has a verb.
pub(super) fn is_before_to(word: &str) -> bool {
    const KNOWN: &str = " how want wants wanted need needs needed try tries trying tried going way \
        ways able used supposed have has had having learn learning like wish hope hoping required \
        allowed safe possible easy easier hard difficult best where when what whether remember \
        forget forgot plan planning ought decide decided meant takes take took necessary important \
        start started time ready not ";
    KNOWN.contains(&format!(" {word} "))
}

/// Words between a subject and its verb.
pub(super) fn is_before_verb(word: &str) -> bool {
    word.ends_with("ly")
        || matches!(
            word,
            "not"
                | "ever"
                | "never"
                | "always"
                | "also"
                | "just"
                | "still"
                | "often"
                | "already"
                | "even"
                | "usually"
                | "best"
                | "sometimes"
                | "all"
                | "both"
        )
}

/// Acronyms that people write in lower case.
pub(super) fn is_known_acronym(word: &str) -> bool {
    const KNOWN: &str = " ai ml ui ux vr ar db qa hr os tv pc ip eu uk js ts ci cd ev gp ";
    word.len() == 2 && KNOWN.contains(&format!(" {word} "))
}

/// After these a number belongs to the name, whatever their case.
pub(super) fn takes_number(word: &str) -> bool {
    const KNOWN: &str = " iso iec rfc en din gpt python java windows ios android covid ps usb form \
        article type level phase grade boeing airbus version hepatitis web ";
    KNOWN.contains(&format!(" {word} "))
}

/// Terms that hold together over a preposition.
pub(super) const FIXED_TERMS: &[[&str; 3]] = &[
    ["power", "of", "attorney"],
    ["statute", "of", "limitation"],
    ["breach", "of", "contract"],
    ["term", "of", "service"],
    ["proof", "of", "concept"],
    ["proof", "of", "work"],
    ["proof", "of", "stake"],
    ["rate", "of", "return"],
    ["cost", "of", "living"],
    ["point", "of", "sale"],
    ["internet", "of", "thing"],
    ["bill", "of", "material"],
    ["bill", "of", "lading"],
    ["work", "in", "progress"],
    ["return", "on", "investment"],
    ["quality", "of", "life"],
    ["quality", "of", "service"],
    ["chain", "of", "custody"],
    ["chain", "of", "thought"],
    ["separation", "of", "concern"],
    ["separation", "of", "power"],
    ["certificate", "of", "deposit"],
    ["code", "of", "conduct"],
    ["scope", "of", "work"],
    ["statement", "of", "work"],
    ["letter", "of", "intent"],
    ["source", "of", "truth"],
    ["theory", "of", "mind"],
    ["right", "of", "way"],
    ["end", "of", "life"],
    ["order", "of", "magnitude"],
    ["cost", "of", "good"],
    ["conflict", "of", "interest"],
    ["freedom", "of", "speech"],
    ["rule", "of", "law"],
    ["supply", "and", "demand"],
    ["trial", "and", "error"],
    ["research", "and", "development"],
    ["health", "and", "safety"],
    ["profit", "and", "loss"],
];

/// What is named with *of* and a name: *Treaty of Versailles*.
pub(super) fn heads_name(word: &str) -> bool {
    const KNOWN: &str = " treaty university battle bank bill house lord ministry department kingdom \
        republic church duke king queen college declaration siege game gulf isle strait cape city \
        institute museum school peace council board ";
    KNOWN.contains(&format!(" {word} "))
}
