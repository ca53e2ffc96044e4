//! Definitions in a syntax tree.

use tree_sitter::{Language, Node, Parser};

use super::super::super::model::BlockKind;
use super::super::super::outline::Piece;
use super::indented_blocks;

/// How deep definitions are looked for inside definitions.
const MAX_DEPTH: u8 = 8;

/// A container shorter than this is one block, with all it contains.
const MIN_CONTAINER_BYTES: usize = 600;

/// What the nodes of one grammar mean.
struct Grammar {
    language: fn() -> Language,
    /// Nodes that define something and stay whole.
    whole: &'static [&'static str],
    /// Nodes that define something and contain definitions of their own.
    containers: &'static [&'static str],
    /// Nodes that are only looked through.
    transparent: &'static [&'static str],
    /// Nodes that belong to the definition they stand before.
    leading: &'static [&'static str],
}

const JAVASCRIPT: Grammar = Grammar {
    language: || tree_sitter_javascript::LANGUAGE.into(),
    whole: &[
        "function_declaration",
        "generator_function_declaration",
        "method_definition",
        "lexical_declaration",
        "variable_declaration",
        "interface_declaration",
        "type_alias_declaration",
        "enum_declaration",
        "function_signature",
        "method_signature",
        "abstract_method_signature",
    ],
    containers: &["class_declaration", "abstract_class_declaration", "internal_module", "module"],
    transparent: &[
        "program",
        "export_statement",
        "class_body",
        "statement_block",
        "ambient_declaration",
        "expression_statement",
    ],
    leading: &["comment", "decorator"],
};

const C: Grammar = Grammar {
    language: || tree_sitter_c::LANGUAGE.into(),
    whole: &[
        "function_definition",
        "struct_specifier",
        "union_specifier",
        "enum_specifier",
        "type_definition",
        "preproc_function_def",
        "concept_definition",
        "alias_declaration",
    ],
    containers: &["class_specifier", "namespace_definition"],
    transparent: &[
        "translation_unit",
        "preproc_ifdef",
        "preproc_if",
        "preproc_else",
        "linkage_specification",
        "declaration_list",
        "field_declaration_list",
        "template_declaration",
    ],
    leading: &["comment", "attribute_declaration"],
};

fn grammar(language: &str) -> Option<Grammar> {
    Some(match language {
        "rust" => Grammar {
            language: || tree_sitter_rust::LANGUAGE.into(),
            whole: &[
                "function_item",
                "function_signature_item",
                "struct_item",
                "enum_item",
                "union_item",
                "type_item",
                "const_item",
                "static_item",
                "macro_definition",
            ],
            containers: &["impl_item", "trait_item", "mod_item"],
            transparent: &["source_file", "declaration_list", "foreign_mod_item"],
            leading: &["line_comment", "block_comment", "attribute_item"],
        },
        "python" => Grammar {
            language: || tree_sitter_python::LANGUAGE.into(),
            whole: &["function_definition"],
            containers: &["class_definition"],
            transparent: &[
                "module",
                "block",
                "decorated_definition",
                "if_statement",
                "try_statement",
                "else_clause",
                "except_clause",
            ],
            leading: &["comment"],
        },
        "javascript" => JAVASCRIPT,
        "typescript" => Grammar {
            language: || tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
            ..JAVASCRIPT
        },
        "tsx" => Grammar { language: || tree_sitter_typescript::LANGUAGE_TSX.into(), ..JAVASCRIPT },
        "go" => Grammar {
            language: || tree_sitter_go::LANGUAGE.into(),
            whole: &["function_declaration", "method_declaration", "type_declaration"],
            containers: &[],
            transparent: &["source_file"],
            leading: &["comment"],
        },
        "java" => Grammar {
            language: || tree_sitter_java::LANGUAGE.into(),
            whole: &[
                "method_declaration",
                "constructor_declaration",
                "compact_constructor_declaration",
                "annotation_type_declaration",
            ],
            containers: &[
                "class_declaration",
                "interface_declaration",
                "enum_declaration",
                "record_declaration",
            ],
            transparent: &[
                "program",
                "class_body",
                "interface_body",
                "enum_body",
                "enum_body_declarations",
            ],
            leading: &["line_comment", "block_comment"],
        },
        "c" => C,
        "cpp" => Grammar { language: || tree_sitter_cpp::LANGUAGE.into(), ..C },
        "ruby" => Grammar {
            language: || tree_sitter_ruby::LANGUAGE.into(),
            whole: &["method", "singleton_method"],
            containers: &["class", "module", "singleton_class"],
            transparent: &["program", "body_statement", "begin_block"],
            leading: &["comment"],
        },
        "bash" => Grammar {
            language: || tree_sitter_bash::LANGUAGE.into(),
            whole: &["function_definition"],
            containers: &[],
            transparent: &["program"],
            leading: &["comment"],
        },
        _ => return None,
    })
}

/// Whether definitions of `language` can be found.
pub(in super::super) fn has_grammar(language: &str) -> bool {
    grammar(language).is_some()
}

/// Adds the definitions in `text` and the code between them to `pieces`; returns whether there is
/// a grammar that could parse it.
pub(super) fn definitions(text: &str, language: &str, pieces: &mut Vec<Piece>) -> bool {
    let Some(grammar) = grammar(language) else { return false };
    let mut parser = Parser::new();
    if parser.set_language(&(grammar.language)()).is_err() {
        return false;
    }
    let Some(tree) = parser.parse(text, None) else { return false };
    let mut found = Vec::new();
    collect(text, &grammar, tree.root_node(), 1, &mut found);
    place(text, 0, text.len(), 0, &found, pieces);
    true
}

/// A definition with those inside it.
struct Definition {
    start: usize,
    end: usize,
    name: String,
    inside: Vec<Definition>,
}

/// Finds the definitions among the children of `node`, at most [`MAX_DEPTH`] nodes deep beyond
/// transparent ones.
fn collect(text: &str, grammar: &Grammar, node: Node<'_>, depth: u8, found: &mut Vec<Definition>) {
    let mut cursor = node.walk();
    let mut lead: Option<Node<'_>> = None;
    let mut last_end_row = usize::MAX;
    for child in node.children(&mut cursor) {
        let kind = child.kind();
        // Comments belong to what follows them at once.
        let adjacent = child.start_position().row <= last_end_row.saturating_add(1);
        if !adjacent {
            lead = None;
        }
        if grammar.leading.contains(&kind) {
            // Except one at the end of a line of code, which speaks of that line.
            if child.start_position().row != last_end_row || lead.is_some() {
                lead.get_or_insert(child);
            }
            last_end_row = end_row(child);
            continue;
        }
        last_end_row = end_row(child);
        let start = lead.take().map_or(child.start_byte(), |lead| lead.start_byte());
        let inner = definition_of(grammar, child, 0);
        let name = inner.and_then(|inner| name_of(text, inner));
        if let (Some(inner), Some(name)) = (inner, name) {
            let mut inside = Vec::new();
            let is_container = grammar.containers.contains(&inner.kind());
            if is_container && child.byte_range().len() >= MIN_CONTAINER_BYTES && depth < MAX_DEPTH
            {
                collect_transparent(text, grammar, inner, depth + 1, &mut inside);
            }
            found.push(Definition { start, end: child.end_byte(), name, inside });
        } else if grammar.transparent.contains(&kind) && depth < MAX_DEPTH {
            collect(text, grammar, child, depth + 1, found);
        }
    }
}

/// Finds definitions in the bodies of `node`.
fn collect_transparent(
    text: &str,
    grammar: &Grammar,
    node: Node<'_>,
    depth: u8,
    found: &mut Vec<Definition>,
) {
    let mut cursor = node.walk();
    for child in node.children(&mut cursor) {
        if grammar.transparent.contains(&child.kind()) {
            collect(text, grammar, child, depth, found);
        }
    }
}

/// The last row with something of `node` on it: some nodes take the line end along.
fn end_row(node: Node<'_>) -> usize {
    let end = node.end_position();
    if end.column == 0 { end.row.saturating_sub(1) } else { end.row }
}

/// The definition that `node` is, or that it merely wraps (`export`, decorators, `template`).
fn definition_of<'a>(grammar: &Grammar, node: Node<'a>, depth: u8) -> Option<Node<'a>> {
    let kind = node.kind();
    if grammar.whole.contains(&kind) || grammar.containers.contains(&kind) {
        return Some(node);
    }
    let wraps = matches!(
        kind,
        "export_statement"
            | "decorated_definition"
            | "template_declaration"
            | "ambient_declaration"
            | "expression_statement"
    );
    if !wraps || depth > 3 {
        return None;
    }
    let mut cursor = node.walk();
    node.named_children(&mut cursor).find_map(|child| definition_of(grammar, child, depth + 1))
}

fn name_of(text: &str, node: Node<'_>) -> Option<String> {
    let piece = |node: Node<'_>| text.get(node.byte_range()).map(str::to_owned);
    match node.kind() {
        // `impl Display for Span`, as it is written.
        "impl_item" => {
            let body = node.child_by_field_name("body")?;
            text.get(node.start_byte()..body.start_byte()).map(|head| head.trim().to_owned())
        }
        // A constant is a definition only if it holds a function or a class.
        "lexical_declaration" | "variable_declaration" => {
            let mut cursor = node.walk();
            let declarator = node
                .named_children(&mut cursor)
                .find(|child| child.kind() == "variable_declarator")?;
            let value = declarator.child_by_field_name("value")?;
            matches!(
                value.kind(),
                "arrow_function"
                    | "function_expression"
                    | "function"
                    | "class"
                    | "generator_function"
            )
            .then(|| declarator.child_by_field_name("name").and_then(piece))?
        }
        "type_declaration" => {
            let mut cursor = node.walk();
            let specification = node
                .named_children(&mut cursor)
                .find(|child| matches!(child.kind(), "type_spec" | "type_alias"))?;
            specification.child_by_field_name("name").and_then(piece)
        }
        // The name of a C function is at the bottom of its declarator.
        "function_definition" | "type_definition"
            if node.child_by_field_name("declarator").is_some() =>
        {
            let mut declarator = node.child_by_field_name("declarator")?;
            for _ in 0..16 {
                match declarator.child_by_field_name("declarator") {
                    Some(inner) => declarator = inner,
                    None => break,
                }
            }
            piece(declarator)
        }
        // Without a body it is a mention, not a definition.
        "struct_specifier" | "union_specifier" | "enum_specifier" | "class_specifier" => {
            node.child_by_field_name("body")?;
            node.child_by_field_name("name").and_then(piece)
        }
        "singleton_class" => Some("self".to_owned()),
        _ => node.child_by_field_name("name").and_then(piece),
    }
}

/// Writes `found`, definitions of one depth inside `text[start..end]`, and what stands between
/// them.
fn place(
    text: &str,
    start: usize,
    end: usize,
    depth: u8,
    found: &[Definition],
    pieces: &mut Vec<Piece>,
) {
    let mut at = start;
    for definition in found {
        let from = definition.start.max(at);
        if definition.end <= from {
            continue;
        }
        between(text, at, from, depth, pieces);
        at = definition.end;
        // A container's own block is its head: up to its first inner definition.
        let head_end = definition
            .inside
            .first()
            .map_or(definition.end, |first| line_start(text, first.start).max(from));
        let piece = Piece::new(BlockKind::Definition, from, head_end);
        pieces.push(piece.level(depth + 1).named(&*definition.name));
        if !definition.inside.is_empty() {
            place(text, head_end, definition.end, depth + 1, &definition.inside, pieces);
        }
    }
    between(text, at, end, depth, pieces);
}

/// Code that defines nothing: it closes the definitions before it.
fn between(text: &str, start: usize, end: usize, depth: u8, pieces: &mut Vec<Piece>) {
    let has_words = text[start..end].chars().any(char::is_alphanumeric);
    if has_words {
        indented_blocks(text, start, end, depth + 1, pieces);
    }
}

/// Where the line that `at` is on begins, if only white space stands before it.
fn line_start(text: &str, at: usize) -> usize {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    if text[start..at].trim().is_empty() { start } else { at }
}
