//! Programming and configuration languages: how they are recognised, which have a grammar.

/// A language of program source or configuration.
#[derive(Debug, PartialEq, Eq)]
pub struct Language {
    /// The name in `Document::code_language`.
    pub name: &'static str,
    /// Extensions, lower case, without the dot.
    pub extensions: &'static [&'static str],
    /// Whole file names.
    file_names: &'static [&'static str],
    /// Programs in a `#!` line.
    interpreters: &'static [&'static str],
}

const fn language(name: &'static str, extensions: &'static [&'static str]) -> Language {
    Language { name, extensions, file_names: &[], interpreters: &[] }
}

/// Every language known, those with a grammar first.
pub static LANGUAGES: &[Language] = &[
    language("rust", &["rs"]),
    Language {
        interpreters: &["python", "python2", "python3", "pypy3"],
        ..language("python", &["py", "pyi", "pyw"])
    },
    Language {
        interpreters: &["node", "nodejs", "bun"],
        ..language("javascript", &["js", "mjs", "cjs", "jsx"])
    },
    Language {
        interpreters: &["deno", "ts-node"],
        ..language("typescript", &["ts", "mts", "cts"])
    },
    language("tsx", &["tsx"]),
    language("go", &["go"]),
    language("java", &["java"]),
    language("c", &["c", "h"]),
    language("cpp", &["cc", "cpp", "cxx", "c++", "hpp", "hh", "hxx", "h++", "ipp", "cu", "cuh"]),
    Language {
        file_names: &["Rakefile", "Gemfile", "Vagrantfile"],
        interpreters: &["ruby"],
        ..language("ruby", &["rb", "rake", "gemspec"])
    },
    Language {
        file_names: &[".bashrc", ".bash_profile", ".profile", "PKGBUILD"],
        interpreters: &["sh", "bash", "dash", "ash", "ksh", "zsh"],
        ..language("bash", &["sh", "bash", "zsh", "ksh", "bats", "ebuild"])
    },
    Language { interpreters: &["php"], ..language("php", &["php", "phtml", "php5"]) },
    language("swift", &["swift"]),
    language("kotlin", &["kt", "kts"]),
    language("scala", &["scala", "sc", "sbt"]),
    language("csharp", &["cs", "csx"]),
    language("fsharp", &["fs", "fsi", "fsx"]),
    language("visual-basic", &["vb", "bas", "vbs"]),
    language("objective-c", &["m", "mm"]),
    language("dart", &["dart"]),
    language("zig", &["zig"]),
    language("nim", &["nim"]),
    language("d", &["d"]),
    language("haskell", &["hs", "lhs"]),
    language("ocaml", &["ml", "mli"]),
    language("elm", &["elm"]),
    language("erlang", &["erl", "hrl"]),
    language("elixir", &["ex", "exs"]),
    language("clojure", &["clj", "cljs", "cljc", "edn"]),
    language("lisp", &["lisp", "cl", "el", "scm", "rkt", "ss"]),
    Language { interpreters: &["lua", "luajit"], ..language("lua", &["lua"]) },
    Language { interpreters: &["perl"], ..language("perl", &["pl", "pm", "t", "pod"]) },
    Language { interpreters: &["Rscript"], ..language("r", &["r"]) },
    language("julia", &["jl"]),
    language("matlab", &["mat", "mlx"]),
    language("fortran", &["f", "for", "f90", "f95", "f03"]),
    language("pascal", &["pas", "pp", "lpr"]),
    language("ada", &["adb", "ads"]),
    language("assembly", &["s", "asm"]),
    language("verilog", &["v", "sv", "svh"]),
    language("vhdl", &["vhd", "vhdl"]),
    language("solidity", &["sol"]),
    language("groovy", &["groovy", "gradle"]),
    Language { interpreters: &["fish"], ..language("fish", &["fish"]) },
    language("powershell", &["ps1", "psm1", "psd1"]),
    language("batch", &["bat", "cmd"]),
    Language { interpreters: &["awk", "gawk"], ..language("awk", &["awk"]) },
    Language { interpreters: &["tclsh", "wish"], ..language("tcl", &["tcl"]) },
    language("sql", &["sql", "ddl", "psql"]),
    language("graphql", &["graphql", "gql"]),
    language("protobuf", &["proto"]),
    language("thrift", &["thrift"]),
    language("capnp", &["capnp"]),
    Language { file_names: &["Cargo.lock"], ..language("toml", &["toml"]) },
    language("yaml", &["yaml", "yml", "cff"]),
    language("ini", &["ini", "cfg", "conf", "properties", "desktop", "service", "editorconfig"]),
    language("xml", &["xml", "xsd", "xsl", "xslt", "svg", "rss", "atom", "plist", "opml", "kml"]),
    language("css", &["css", "scss", "sass", "less", "styl"]),
    language("vue", &["vue", "svelte", "astro"]),
    language("terraform", &["tf", "tfvars", "hcl"]),
    language("nix", &["nix"]),
    language("latex", &["tex", "sty", "cls", "bib", "ltx"]),
    language("typst", &["typ"]),
    language("diff", &["diff", "patch"]),
    Language {
        file_names: &["Makefile", "makefile", "GNUmakefile", "justfile", "Justfile"],
        interpreters: &["make"],
        ..language("make", &["mk", "mak", "just"])
    },
    Language { file_names: &["CMakeLists.txt"], ..language("cmake", &["cmake"]) },
    Language {
        file_names: &["Dockerfile", "Containerfile"],
        ..language("dockerfile", &["dockerfile"])
    },
    Language { file_names: &["BUILD", "WORKSPACE"], ..language("starlark", &["bzl", "star"]) },
    Language { file_names: &["meson.build"], ..language("meson", &["meson"]) },
    language("vim", &["vim"]),
];

/// The language of a file called `file_name`, by the whole name.
pub(super) fn by_file_name(file_name: &str) -> Option<&'static Language> {
    LANGUAGES.iter().find(|language| language.file_names.contains(&file_name))
}

/// The language of files with this extension (lower case, no dot).
pub(super) fn by_extension(extension: &str) -> Option<&'static Language> {
    LANGUAGES.iter().find(|language| language.extensions.contains(&extension))
}

/// The language of a script whose first line is `line`.
pub(super) fn by_shebang(line: &str) -> Option<&'static Language> {
    let mut words = line.strip_prefix("#!")?.split_whitespace();
    let program = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let mut name = program(words.next()?);
    if name == "env" {
        name = program(words.find(|word| !word.starts_with('-') && !word.contains('='))?);
    }
    let unversioned = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    LANGUAGES.iter().find(|language| {
        language.interpreters.iter().any(|known| *known == name || *known == unversioned)
    })
}
