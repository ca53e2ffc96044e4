//! The content of a page: where each glyph stands.

use std::collections::HashMap;
use std::rc::Rc;

use lopdf::content::Content;
use lopdf::{Dictionary, Document, Object, ObjectId};

use super::font::Font;

/// How deep forms may contain forms.
const MAX_FORM_DEPTH: usize = 12;

/// How many forms one page may draw: forms that draw each other twice grow without end.
const MAX_FORMS: usize = 20_000;

/// How far the tree of pages is followed upwards.
const MAX_TREE_DEPTH: usize = 64;

/// A glyph on a page, upright: `x` to the right and `y` downwards as its own line of text runs.
pub(super) struct Placed<'a> {
    pub(super) text: &'a str,
    pub(super) x: f64,
    pub(super) y: f64,
    /// Where it ends.
    pub(super) end_x: f64,
    /// Size of the type on the page, in points.
    pub(super) size: f64,
    /// Quarter turns of the line against the page.
    pub(super) turns: u8,
}

/// A transformation of the plane, as PDF writes it.
#[derive(Clone, Copy)]
struct Matrix([f64; 6]);

impl Matrix {
    const IDENTITY: Self = Self([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);

    /// First `self`, then `next`.
    fn then(self, next: Self) -> Self {
        let (one, two) = (self.0, next.0);
        let row = |at: usize, column: usize| one[at] * two[column] + one[at + 1] * two[column + 2];
        Self([row(0, 0), row(0, 1), row(2, 0), row(2, 1), row(4, 0) + two[4], row(4, 1) + two[5]])
    }

    fn moved(self, x: f64, y: f64) -> Self {
        Self([1.0, 0.0, 0.0, 1.0, x, y]).then(self)
    }
}

#[derive(Clone)]
struct State {
    page: Matrix,
    font: Option<Rc<Font>>,
    size: f64,
    character_space: f64,
    word_space: f64,
    stretch: f64,
    leading: f64,
    rise: f64,
}

/// Reads the pages of one file; keeps its fonts.
pub(super) struct Interpreter<'a> {
    file: &'a Document,
    fonts: HashMap<ObjectId, Rc<Font>>,
    n_forms: usize,
}

impl<'a> Interpreter<'a> {
    pub(super) fn new(file: &'a Document) -> Self {
        Self { file, fonts: HashMap::new(), n_forms: 0 }
    }

    /// Calls `show` for each glyph of the page, in the order of drawing, until it returns
    /// `false`.
    pub(super) fn page(
        &mut self,
        page: ObjectId,
        show: &mut dyn FnMut(&Placed<'_>) -> bool,
    ) -> lopdf::Result<()> {
        let dictionary = self.file.get_dictionary(page)?;
        let resources = self.inherited(dictionary, b"Resources").and_then(|o| o.as_dict().ok());
        let turns = self.inherited(dictionary, b"Rotate").and_then(|o| o.as_i64().ok());
        let upright = match turns.unwrap_or(0).rem_euclid(360) {
            90 => Matrix([0.0, -1.0, 1.0, 0.0, 0.0, 0.0]),
            180 => Matrix([-1.0, 0.0, 0.0, -1.0, 0.0, 0.0]),
            270 => Matrix([0.0, 1.0, -1.0, 0.0, 0.0, 0.0]),
            _ => Matrix::IDENTITY,
        };
        let content = self.file.get_page_content(page);
        self.n_forms = 0;
        self.stream(&content, resources, State::new(upright), 0, show);
        Ok(())
    }

    /// An attribute of a page or of what it hangs from.
    fn inherited(&self, page: &'a Dictionary, key: &[u8]) -> Option<&'a Object> {
        let mut node = page;
        for _ in 0..MAX_TREE_DEPTH {
            if let Ok(value) = node.get_deref(key, self.file) {
                return Some(value);
            }
            node = node.get_deref(b"Parent", self.file).and_then(Object::as_dict).ok()?;
        }
        None
    }

    /// Interprets one stream of operators; returns whether to go on.
    fn stream(
        &mut self,
        content: &[u8],
        resources: Option<&'a Dictionary>,
        mut state: State,
        depth: usize,
        show: &mut dyn FnMut(&Placed<'_>) -> bool,
    ) -> bool {
        let Ok(content) = Content::decode(content) else { return true };
        let (mut line, mut text) = (Matrix::IDENTITY, Matrix::IDENTITY);
        let mut saved: Vec<State> = Vec::new();
        for operation in &content.operations {
            let operands = &operation.operands;
            let number = |idx: usize| {
                let value = operands.get(idx).and_then(|object| object.as_float().ok());
                value.map_or(0.0, f64::from)
            };
            match operation.operator.as_str() {
                "q" => saved.push(state.clone()),
                "Q" => {
                    if let Some(earlier) = saved.pop() {
                        state = earlier;
                    }
                }
                "cm" => state.page = matrix(operands).then(state.page),
                "BT" => (line, text) = (Matrix::IDENTITY, Matrix::IDENTITY),
                "Tf" => {
                    let name = operands.first().and_then(|object| object.as_name().ok());
                    state.font = name.and_then(|name| self.font(resources, name));
                    state.size = number(1);
                }
                "Tc" => state.character_space = number(0),
                "Tw" => state.word_space = number(0),
                "Tz" => state.stretch = number(0) / 100.0,
                "TL" => state.leading = number(0),
                "Ts" => state.rise = number(0),
                "Td" => {
                    line = line.moved(number(0), number(1));
                    text = line;
                }
                "TD" => {
                    state.leading = -number(1);
                    line = line.moved(number(0), number(1));
                    text = line;
                }
                "Tm" => {
                    line = matrix(operands);
                    text = line;
                }
                "T*" => {
                    line = line.moved(0.0, -state.leading);
                    text = line;
                }
                "Tj" | "'" | "\"" => {
                    if operation.operator != "Tj" {
                        if operation.operator == "\"" {
                            (state.word_space, state.character_space) = (number(0), number(1));
                        }
                        line = line.moved(0.0, -state.leading);
                        text = line;
                    }
                    if let Some(Object::String(bytes, _)) = operands.last()
                        && !state.show(bytes, &mut text, show)
                    {
                        return false;
                    }
                }
                "TJ" => {
                    let Some(Object::Array(pieces)) = operands.first() else { continue };
                    for piece in pieces {
                        if let Object::String(bytes, _) = piece {
                            if !state.show(bytes, &mut text, show) {
                                return false;
                            }
                        } else if let Ok(back) = piece.as_float() {
                            let by = -f64::from(back) / 1000.0 * state.size * state.stretch;
                            text = text.moved(by, 0.0);
                        }
                    }
                }
                "Do" => {
                    let name = operands.first().and_then(|object| object.as_name().ok());
                    let form = name.and_then(|name| self.form(resources, name));
                    if let Some(form) = form
                        && depth < MAX_FORM_DEPTH
                        && self.n_forms < MAX_FORMS
                    {
                        self.n_forms += 1;
                        let mut inner = state.clone();
                        if let Ok(own) =
                            form.dict.get_deref(b"Matrix", self.file).and_then(Object::as_array)
                        {
                            inner.page = matrix(own).then(inner.page);
                        }
                        let own = form.dict.get_deref(b"Resources", self.file);
                        let resources = own.and_then(Object::as_dict).ok().or(resources);
                        let bytes = form.decompressed_content();
                        let bytes = bytes.unwrap_or_else(|_| form.content.clone());
                        if !self.stream(&bytes, resources, inner, depth + 1, show) {
                            return false;
                        }
                    }
                }
                _ => {}
            }
        }
        true
    }

    fn font(&mut self, resources: Option<&'a Dictionary>, name: &[u8]) -> Option<Rc<Font>> {
        let fonts = resources?.get_deref(b"Font", self.file).and_then(Object::as_dict).ok()?;
        let object = fonts.get(name).ok()?;
        let id = object.as_reference().ok();
        if let Some(known) = id.and_then(|id| self.fonts.get(&id)) {
            return Some(Rc::clone(known));
        }
        let dictionary = self.file.dereference(object).ok()?.1.as_dict().ok()?;
        let font = Rc::new(Font::new(self.file, dictionary));
        if let Some(id) = id {
            self.fonts.insert(id, Rc::clone(&font));
        }
        Some(font)
    }

    fn form(&self, resources: Option<&'a Dictionary>, name: &[u8]) -> Option<&'a lopdf::Stream> {
        let objects = resources?.get_deref(b"XObject", self.file).and_then(Object::as_dict).ok()?;
        let stream = objects.get_deref(name, self.file).and_then(Object::as_stream).ok()?;
        let subtype = stream.dict.get_deref(b"Subtype", self.file).and_then(Object::as_name);
        subtype.is_ok_and(|name| name == b"Form").then_some(stream)
    }
}

impl State {
    fn new(page: Matrix) -> Self {
        Self {
            page,
            font: None,
            size: 0.0,
            character_space: 0.0,
            word_space: 0.0,
            stretch: 1.0,
            leading: 0.0,
            rise: 0.0,
        }
    }

    /// Shows a string and moves `text` along; returns whether to go on.
    fn show(
        &self,
        bytes: &[u8],
        text: &mut Matrix,
        show: &mut dyn FnMut(&Placed<'_>) -> bool,
    ) -> bool {
        let Some(font) = &self.font else { return true };
        let mut goes_on = true;
        font.glyphs(bytes, |glyph| {
            if !goes_on {
                return;
            }
            let on_page = text.moved(0.0, self.rise).then(self.page);
            let mut advance = glyph.width * self.size;
            let [xx, xy, yx, yy, left, up] = on_page.0;
            let along = (xx * xx + xy * xy).sqrt() * self.stretch;
            let size = (xx * yy - xy * yx).abs().sqrt() * self.size.abs();
            // The line of text may run in any direction; the nearest of the four counts.
            let (turns, x, y) = if xx.abs() >= xy.abs() {
                if xx >= 0.0 { (0, left, -up) } else { (2, -left, up) }
            } else if xy > 0.0 {
                (1, up, left)
            } else {
                (3, -up, -left)
            };
            if x.is_finite() && y.is_finite() && size.is_finite() && size > 0.0 {
                let end_x = x + advance * along;
                goes_on = show(&Placed { text: &glyph.text, x, y, end_x, size, turns });
            }
            advance += self.character_space;
            if glyph.is_space_code {
                advance += self.word_space;
            }
            *text = text.moved(advance * self.stretch, 0.0);
        });
        goes_on
    }
}

fn matrix(operands: &[Object]) -> Matrix {
    let mut values = Matrix::IDENTITY.0;
    for (value, operand) in values.iter_mut().zip(operands) {
        *value = operand.as_float().map_or(0.0, f64::from);
    }
    Matrix(values)
}
