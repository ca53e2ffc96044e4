"""The texts that the program's vectors are checked with: short and long, in many scripts and forms."""

SENTENCES = [
    "",
    "a",
    "Hello, world!",
    "The library keeps the text once and derives everything else from it.",
    "What did we decide about the retention of backups last March?",
    "Bread rises because yeast turns sugar into carbon dioxide.",
    "The patient was treated with 250 mg of amoxicillin three times a day for 7 days.",
    "An experimental study of a wing in a propeller slipstream.",
    "fn main() { println!(\"{}\", 6 * 7); }",
    "SELECT name, price FROM product WHERE price > 10.50 ORDER BY price DESC;",
    "Naïve café façade: déjà vu, jalapeño, Ångström, Zürich.",
    "DÉJÀ VU IN CAPITALS",
    "İstanbul'da hava bugün çok güzel.",
    "Привет, как дела?",
    "Η αναζήτηση κειμένου είναι χρήσιμη.",
    "検索エンジンはテキストを索引する。",
    "全文检索与向量检索",
    "한국어 문장 하나.",
    "مرحبا بالعالم",
    "שלום עולם",
    "नमस्ते दुनिया",
    "👩‍👩‍👧‍👦 a family and ❤️ a heart",
    "tabs\tand\nnewlines\r\nand   many     spaces",
    "a word with a soft\u00adhyphen and a zero\u200bwidth space",
    "!!! ??? ... --- ;;; ::: ,,,",
    "3.14159 2.71828 1.41421 0.57721",
    "https://example.org/path/to/page?query=string&other=1#fragment",
    "name.surname@example.org wrote on 2024-02-29 at 23:59 UTC",
    "x" * 120,
    "antidisestablishmentarianism and pneumonoultramicroscopicsilicovolcanoconiosis",
    "[CLS] and [MASK] are only words in a text about models",
    "The [SEP] token separates.",
    "Meeting notes: Anna will write the migration, Bruno reviews it, both by Friday.",
    "The index is smaller than the text it indexes.",
    "Vectors of unit length: their dot product is the cosine.",
    "To be, or not to be, that is the question.",
    "Es war einmal ein kleines Mädchen, das hatte jedermann lieb.",
    "La búsqueda semántica encuentra documentos por su significado.",
    "Le petit chat dort sur le canapé rouge.",
    "ERROR 2024-05-01T12:00:00Z worker-3 connection reset by peer (os error 104)",
    "H2O, CO2, C6H12O6 and NaCl",
    "The cat sat on the mat. " * 3,
    "One line.\n\nAnother paragraph, with a list:\n- first\n- second\n- third",
    "½ ¼ ² ³ ™ © ® … — “quotes” ‘single’ «guillemets»",
]


def long_text(n_words, seed):
    """Words in an order that depends only on `seed`."""
    words = "time river engine protein stone letter market signal winter garden theory border metal voice shadow bridge".split()
    state = seed
    out = []
    for _ in range(n_words):
        state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        out.append(words[state >> 60])
    return " ".join(out)


TEXTS = SENTENCES + [long_text(n, n) for n in (30, 60, 120, 253, 254, 600)]
