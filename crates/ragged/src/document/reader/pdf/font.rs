//! Fonts as far as text needs them: which characters a code shows, and how far it advances.

use std::collections::HashMap;
use std::sync::LazyLock;

use lopdf::{Dictionary, Document, Object};

/// Most entries taken from a table in a font: ranges in a hostile file can claim billions.
const MAX_ENTRIES: usize = 200_000;

/// A font of a PDF.
pub(super) struct Font {
    codes: Codes,
    /// What the file says each code means; it wins over everything else.
    to_unicode: HashMap<u32, String>,
    /// What the encoding makes of a code, for codes that the file does not explain.
    encoded: HashMap<u32, String>,
    /// Advance of a code, in units of the type size.
    widths: HashMap<u32, f64>,
    default_width: Option<f64>,
}

/// How the bytes of a string are cut into codes.
#[derive(Clone, Copy)]
enum Codes {
    One,
    Two,
    /// An encoding of text from before PDF, whose codes are its characters.
    Legacy(&'static encoding_rs::Encoding),
}

/// One shown character, or ligature.
pub(super) struct Glyph {
    pub(super) text: String,
    /// In units of the type size.
    pub(super) width: f64,
    /// Whether it is the single-byte code 32, which word spacing widens.
    pub(super) is_space_code: bool,
}

impl Font {
    pub(super) fn new(file: &Document, font: &Dictionary) -> Self {
        let to_unicode = stream_of(file, font, b"ToUnicode")
            .map(|bytes| parse_to_unicode(&bytes))
            .unwrap_or_default();
        let subtype = font.get_deref(b"Subtype", file).and_then(Object::as_name);
        if subtype.is_ok_and(|name| name == b"Type0") {
            Self::composite(file, font, to_unicode)
        } else {
            Self::simple(file, font, to_unicode)
        }
    }

    fn simple(file: &Document, font: &Dictionary, to_unicode: HashMap<u32, String>) -> Self {
        let encoding = font.get_deref(b"Encoding", file).ok();
        let mut encoded = HashMap::new();
        let base = match encoding {
            Some(Object::Name(name)) => Some(name.as_slice()),
            Some(Object::Dictionary(encoding)) => {
                encoding.get_deref(b"BaseEncoding", file).and_then(Object::as_name).ok()
            }
            _ => None,
        };
        let built_in = if base.is_none() { built_in_encoding(file, font) } else { HashMap::new() };
        if built_in.is_empty() {
            let is_true_type = font
                .get_deref(b"Subtype", file)
                .and_then(Object::as_name)
                .is_ok_and(|name| name == b"TrueType");
            let fallback: &[u8] =
                if is_true_type { b"WinAnsiEncoding" } else { b"StandardEncoding" };
            encoded = named_encoding(base.unwrap_or(fallback));
        } else {
            encoded.extend(built_in);
        }
        if let Some(Object::Dictionary(encoding)) = encoding
            && let Ok(differences) =
                encoding.get_deref(b"Differences", file).and_then(Object::as_array)
        {
            let mut code = 0_u32;
            for object in differences.iter().take(MAX_ENTRIES) {
                match file.dereference(object).map(|(_, object)| object) {
                    Ok(Object::Integer(first)) => code = u32::try_from(*first).unwrap_or(0),
                    Ok(Object::Name(name)) => {
                        match characters_of(&String::from_utf8_lossy(name)) {
                            Some(text) => encoded.insert(code, text),
                            None => encoded.remove(&code),
                        };
                        code = code.saturating_add(1);
                    }
                    _ => {}
                }
            }
        }
        // Glyphs of a Type 3 font are drawn in a space of their own.
        let unit = font
            .get_deref(b"FontMatrix", file)
            .and_then(Object::as_array)
            .ok()
            .and_then(|matrix| number(file, matrix.first()?))
            .filter(|unit| unit.is_finite() && *unit != 0.0)
            .unwrap_or(0.001);
        let mut widths = HashMap::new();
        let first = font.get_deref(b"FirstChar", file).and_then(Object::as_i64).unwrap_or(0);
        let first = u32::try_from(first).unwrap_or(0);
        if let Ok(list) = font.get_deref(b"Widths", file).and_then(Object::as_array) {
            for (idx, width) in list.iter().take(MAX_ENTRIES).enumerate() {
                if let Some(width) = number(file, width) {
                    widths.insert(first.saturating_add(idx as u32), width * unit.abs());
                }
            }
        }
        let default_width = descriptor(file, font)
            .and_then(|descriptor| number(file, descriptor.get(b"MissingWidth").ok()?))
            .filter(|_| !widths.is_empty())
            .map(|width| width / 1000.0);
        Self { codes: Codes::One, to_unicode, encoded, widths, default_width }
    }

    fn composite(file: &Document, font: &Dictionary, to_unicode: HashMap<u32, String>) -> Self {
        let descendant = font
            .get_deref(b"DescendantFonts", file)
            .and_then(Object::as_array)
            .ok()
            .and_then(|list| file.dereference(list.first()?).ok()?.1.as_dict().ok());
        let mut codes = Codes::Two;
        match font.get_deref(b"Encoding", file) {
            Ok(Object::Name(name)) => {
                if let Some(encoding) = legacy_encoding(&String::from_utf8_lossy(name)) {
                    codes = Codes::Legacy(encoding);
                }
            }
            Ok(Object::Stream(stream)) => {
                let bytes = stream.decompressed_content().unwrap_or_default();
                if has_single_byte_codes(&bytes) {
                    codes = Codes::One;
                }
            }
            _ => {}
        }
        let encoded = match descendant {
            Some(descendant) if to_unicode.is_empty() => glyphs_to_unicode(file, descendant),
            _ => HashMap::new(),
        };
        let widths = descendant.map(|font| composite_widths(file, font)).unwrap_or_default();
        let default_width = descendant
            .and_then(|font| number(file, font.get(b"DW").ok()?))
            .map_or(1.0, |width| width / 1000.0);
        Self { codes, to_unicode, encoded, widths, default_width: Some(default_width) }
    }

    /// The glyphs that the string `bytes` shows.
    pub(super) fn glyphs(&self, bytes: &[u8], mut show: impl FnMut(Glyph)) {
        match self.codes {
            Codes::Legacy(encoding) => {
                for c in encoding.decode_without_bom_handling(bytes).0.chars() {
                    let width = if c.is_ascii() { 0.5 } else { 1.0 };
                    show(Glyph { text: c.to_string(), width, is_space_code: c == ' ' });
                }
            }
            Codes::One => {
                for byte in bytes {
                    show(self.glyph(u32::from(*byte), *byte == b' '));
                }
            }
            Codes::Two => {
                for pair in bytes.chunks(2) {
                    let code = pair.iter().fold(0, |code, byte| code << 8 | u32::from(*byte));
                    show(self.glyph(code, false));
                }
            }
        }
    }

    fn glyph(&self, code: u32, is_space_code: bool) -> Glyph {
        let text = self.to_unicode.get(&code).or_else(|| self.encoded.get(&code));
        let text = text.cloned().unwrap_or_default();
        let width = self
            .widths
            .get(&code)
            .copied()
            .or(self.default_width)
            .unwrap_or_else(|| usual_width(&text));
        Glyph { text, width, is_space_code }
    }
}

/// The width of a character in a typical text font, for the standard fonts, which files need not
/// describe.
fn usual_width(text: &str) -> f64 {
    match text.chars().next() {
        Some(
            ' ' | 'i' | 'j' | 'l' | 't' | 'f' | 'I' | '.' | ',' | ';' | ':' | '!' | '\'' | '|',
        ) => 0.28,
        Some('m' | 'w' | 'M' | 'W' | '@' | '%') => 0.85,
        Some(c) if c.is_uppercase() => 0.68,
        _ => 0.53,
    }
}

fn number(file: &Document, object: &Object) -> Option<f64> {
    file.dereference(object).ok()?.1.as_float().ok().map(f64::from)
}

fn descriptor<'a>(file: &'a Document, font: &'a Dictionary) -> Option<&'a Dictionary> {
    font.get_deref(b"FontDescriptor", file).and_then(Object::as_dict).ok()
}

fn stream_of(file: &Document, dictionary: &Dictionary, key: &[u8]) -> Option<Vec<u8>> {
    let stream = dictionary.get_deref(key, file).and_then(Object::as_stream).ok()?;
    Some(stream.decompressed_content().unwrap_or_else(|_| stream.content.clone()))
}

/// The encodings that PDF names for simple fonts.
fn named_encoding(name: &[u8]) -> HashMap<u32, String> {
    let mut font = Dictionary::new();
    font.set("Type", Object::Name(b"Font".to_vec()));
    font.set("Encoding", Object::Name(name.to_vec()));
    let file = Document::new();
    let Ok(encoding) = font.get_font_encoding(&file) else { return HashMap::new() };
    (0..=255_u8)
        .filter_map(|code| {
            let text = encoding.bytes_to_string(&[code]).ok()?;
            (!text.is_empty()).then_some((u32::from(code), text))
        })
        .collect()
}

/// The encoding inside an embedded Type 1 font program.
fn built_in_encoding(file: &Document, font: &Dictionary) -> HashMap<u32, String> {
    let Some(descriptor) = descriptor(file, font) else { return HashMap::new() };
    if let Some(program) = stream_of(file, descriptor, b"FontFile") {
        return type1_encoding(&program);
    }
    let Some(program) = stream_of(file, descriptor, b"FontFile3") else { return HashMap::new() };
    let Some(table) = ttf_parser::cff::Table::parse(&program) else { return HashMap::new() };
    (0..=255_u8)
        .filter_map(|code| {
            let name = table.glyph_name(table.glyph_index(code)?)?;
            Some((u32::from(code), characters_of(name)?))
        })
        .collect()
}

/// `dup 65 /A put` for each code, in the part of the program that is not encrypted.
fn type1_encoding(program: &[u8]) -> HashMap<u32, String> {
    let mut encoding = HashMap::new();
    let clear = &program[..program.len().min(64 << 10)];
    let mut words = clear.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        if word == b"eexec" {
            break;
        }
        if word != b"dup" {
            continue;
        }
        let code = words.next().and_then(|word| std::str::from_utf8(word).ok()?.parse::<u8>().ok());
        let name = words.next().and_then(|word| std::str::from_utf8(word.strip_prefix(b"/")?).ok());
        if let (Some(code), Some(name)) = (code, name)
            && let Some(text) = characters_of(name)
        {
            encoding.insert(u32::from(code), text);
        }
    }
    encoding
}

/// Glyph → character, from the table inside an embedded TrueType font, read backwards.
fn glyphs_to_unicode(file: &Document, descendant: &Dictionary) -> HashMap<u32, String> {
    let mut characters = HashMap::new();
    let Some(program) = descriptor(file, descendant)
        .and_then(|descriptor| stream_of(file, descriptor, b"FontFile2"))
    else {
        return characters;
    };
    let Ok(face) = ttf_parser::Face::parse(&program, 0) else { return characters };
    let Some(cmap) = face.tables().cmap else { return characters };
    for table in cmap.subtables.into_iter().filter(ttf_parser::cmap::Subtable::is_unicode) {
        table.codepoints(|code| {
            if characters.len() < MAX_ENTRIES
                && let (Some(glyph), Some(c)) = (table.glyph_index(code), char::from_u32(code))
            {
                characters.entry(u32::from(glyph.0)).or_insert_with(|| c.to_string());
            }
        });
    }
    characters
}

/// The `W` array: `first [w w w]` and `first last w`.
fn composite_widths(file: &Document, font: &Dictionary) -> HashMap<u32, f64> {
    let mut widths = HashMap::new();
    let Ok(list) = font.get_deref(b"W", file).and_then(Object::as_array) else { return widths };
    let mut at = 0;
    let get = |at: usize| list.get(at).and_then(|object| Some(file.dereference(object).ok()?.1));
    while let Some(first) = get(at).and_then(|object| object.as_i64().ok()) {
        let first = u32::try_from(first).unwrap_or(0);
        match get(at + 1) {
            Some(Object::Array(run)) => {
                for (idx, width) in run.iter().take(MAX_ENTRIES).enumerate() {
                    if let Some(width) = number(file, width) {
                        widths.insert(first.saturating_add(idx as u32), width / 1000.0);
                    }
                }
                at += 2;
            }
            Some(last) => {
                let last = last.as_i64().ok().and_then(|last| u32::try_from(last).ok());
                let width = get(at + 2).and_then(|width| number(file, width));
                if let (Some(last), Some(width)) = (last, width) {
                    let room = MAX_ENTRIES.saturating_sub(widths.len());
                    widths.extend((first..=last).take(room).map(|code| (code, width / 1000.0)));
                }
                at += 3;
            }
            None => break,
        }
    }
    widths
}

/// The encoding of text behind the name of a predefined character map.
fn legacy_encoding(map: &str) -> Option<&'static encoding_rs::Encoding> {
    if map.starts_with("Uni") && (map.contains("UCS2") || map.contains("UTF16")) {
        return Some(encoding_rs::UTF_16BE);
    }
    let known: [(&str, &'static encoding_rs::Encoding); 8] = [
        ("GBK", encoding_rs::GBK),
        ("GB-", encoding_rs::GBK),
        ("ETen-B5", encoding_rs::BIG5),
        ("B5pc", encoding_rs::BIG5),
        ("90ms-RKSJ", encoding_rs::SHIFT_JIS),
        ("90pv-RKSJ", encoding_rs::SHIFT_JIS),
        ("EUC-", encoding_rs::EUC_JP),
        ("KSC", encoding_rs::EUC_KR),
    ];
    known.into_iter().find(|(prefix, _)| map.starts_with(prefix)).map(|(_, encoding)| encoding)
}

/// Whether an embedded character map has codes of one byte.
fn has_single_byte_codes(map: &[u8]) -> bool {
    let mut tokens = Tokens { bytes: map, at: 0 };
    while let Some(token) = tokens.next() {
        if token == Token::Word(b"begincodespacerange") {
            return matches!(tokens.next(), Some(Token::Hex(code)) if code.len() == 1);
        }
    }
    false
}

/// Code → text, from the `bfchar` and `bfrange` sections of a `ToUnicode` map.
fn parse_to_unicode(map: &[u8]) -> HashMap<u32, String> {
    let mut texts = HashMap::new();
    let mut tokens = Tokens { bytes: map, at: 0 };
    let code_of =
        |hex: &[u8]| hex.iter().take(4).fold(0_u32, |code, byte| code << 8 | u32::from(*byte));
    while let Some(token) = tokens.next() {
        if token == Token::Word(b"beginbfchar") {
            while let (Some(Token::Hex(code)), Some(Token::Hex(text))) =
                (tokens.next(), tokens.next())
            {
                texts.insert(code_of(&code), utf16(&text));
                if texts.len() > MAX_ENTRIES {
                    return texts;
                }
                // The section ends at a word; look without taking it.
                if tokens.is_at_word() {
                    break;
                }
            }
        } else if token == Token::Word(b"beginbfrange") {
            while let (Some(Token::Hex(first)), Some(Token::Hex(last))) =
                (tokens.next(), tokens.next())
            {
                let (first, last) = (code_of(&first), code_of(&last));
                let room = MAX_ENTRIES.saturating_sub(texts.len());
                match tokens.next() {
                    Some(Token::Hex(text)) => {
                        for (idx, code) in (first..=last).take(room).enumerate() {
                            texts.insert(code, utf16(&shifted(&text, idx as u32)));
                        }
                    }
                    Some(Token::ListStart) => {
                        let mut code = first;
                        while let Some(Token::Hex(text)) = tokens.next() {
                            if texts.len() < MAX_ENTRIES {
                                texts.insert(code, utf16(&text));
                            }
                            code = code.saturating_add(1);
                        }
                    }
                    _ => break,
                }
                if tokens.is_at_word() || room == 0 {
                    break;
                }
            }
        }
    }
    texts
}

/// `text`, its last unit increased by `by`.
fn shifted(text: &[u8], by: u32) -> Vec<u8> {
    let mut text = text.to_vec();
    if let [.., high, low] = text.as_mut_slice() {
        let unit = u32::from(*high) << 8 | u32::from(*low);
        let unit = unit.wrapping_add(by);
        (*high, *low) = ((unit >> 8) as u8, unit as u8);
    } else if let [low] = text.as_mut_slice() {
        *low = low.wrapping_add(by as u8);
    }
    text
}

fn utf16(bytes: &[u8]) -> String {
    if let [byte] = bytes {
        return char::from(*byte).to_string();
    }
    let units = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    char::decode_utf16(units).flatten().filter(|c| *c != '\0').collect()
}

/// The tokens of a character map that matter.
struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
}

#[derive(PartialEq, Eq)]
enum Token<'a> {
    Hex(Vec<u8>),
    ListStart,
    ListEnd,
    Word(&'a [u8]),
}

impl<'a> Tokens<'a> {
    fn skip_space(&mut self) {
        while let Some(byte) = self.bytes.get(self.at) {
            if *byte == b'%' {
                while self.bytes.get(self.at).is_some_and(|byte| !matches!(byte, b'\n' | b'\r')) {
                    self.at += 1;
                }
            } else if byte.is_ascii_whitespace() || *byte == 0 {
                self.at += 1;
            } else {
                break;
            }
        }
    }

    fn is_at_word(&mut self) -> bool {
        self.skip_space();
        self.bytes.get(self.at).is_none_or(u8::is_ascii_alphabetic)
    }

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_space();
        let first = *self.bytes.get(self.at)?;
        self.at += 1;
        match first {
            b'<' if self.bytes.get(self.at) == Some(&b'<') => {
                self.at += 1;
                Some(Token::Word(b"<<"))
            }
            b'<' => {
                let mut digits = Vec::new();
                while let Some(byte) = self.bytes.get(self.at) {
                    self.at += 1;
                    match char::from(*byte).to_digit(16) {
                        Some(digit) => digits.push(digit as u8),
                        None if *byte == b'>' => break,
                        None => {}
                    }
                }
                if digits.len() % 2 == 1 {
                    digits.push(0);
                }
                Some(Token::Hex(
                    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect(),
                ))
            }
            b'[' => Some(Token::ListStart),
            b']' => Some(Token::ListEnd),
            _ => {
                let start = self.at - 1;
                while self.bytes.get(self.at).is_some_and(|byte| {
                    !byte.is_ascii_whitespace() && !matches!(byte, b'<' | b'>' | b'[' | b']' | b'/')
                }) {
                    self.at += 1;
                }
                Some(Token::Word(&self.bytes[start..self.at]))
            }
        }
    }
}

/// Glyph name → character.
static GLYPH_NAMES: LazyLock<HashMap<&'static str, char>> = LazyLock::new(|| {
    include_str!("glyph_names.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let (name, code) = line.split_once(' ')?;
            Some((name, char::from_u32(u32::from_str_radix(code, 16).ok()?)?))
        })
        .collect()
});

/// The characters that the glyph called `name` shows, by the rules of the Adobe Glyph List.
fn characters_of(name: &str) -> Option<String> {
    if let Some(c) = GLYPH_NAMES.get(name) {
        return Some(c.to_string());
    }
    if let Some((base, _variant)) = name.split_once('.') {
        return if base.is_empty() { None } else { characters_of(base) };
    }
    if name.contains('_') {
        return name.split('_').map(characters_of).collect();
    }
    let code = |digits: &str| {
        let is_code = (4..=6).contains(&digits.len());
        is_code.then(|| u32::from_str_radix(digits, 16).ok()).flatten().and_then(char::from_u32)
    };
    if let Some(c) = name.strip_prefix("uni").and_then(|digits| code(digits.get(..4)?)) {
        return Some(c.to_string());
    }
    if let Some(c) = name.strip_prefix('u').and_then(code) {
        return Some(c.to_string());
    }
    ["oldstyle", "small", "superior", "inferior"]
        .iter()
        .find_map(|style| characters_of(name.strip_suffix(style).filter(|base| !base.is_empty())?))
}
