use proptest::prelude::*;

use super::*;

/// What goes in, and what comes out.
const CASES: &[(&str, &str)] = &[
    // Electronic mail.
    ("write to ada@example.org", "write to [EMAIL]"),
    ("ada.lovelace+work@mail.example.co.uk.", "[EMAIL]."),
    ("<ada@example.org>, \"bob@example.com\"", "<[EMAIL]>, \"[EMAIL]\""),
    ("mailto:ada_l@example.org?subject=x", "mailto:[EMAIL]?subject=x"),
    ("müller@bücher.example", "[EMAIL]"),
    ("'o'neil@example.org'", "'[EMAIL]'"),
    // Telephones.
    ("call 555-1234 now", "call [PHONE] now"),
    ("555.1234", "[PHONE]"),
    ("(212) 555-1234", "[PHONE]"),
    ("212-555-1234", "[PHONE]"),
    ("212.555.1234", "[PHONE]"),
    ("212 555 1234", "[PHONE]"),
    ("1-800-555-1234", "[PHONE]"),
    ("+1 (212) 555-1234", "[PHONE]"),
    ("+49 30 1234567", "[PHONE]"),
    ("+442079460958.", "[PHONE]."),
    ("phone: 2125551234", "phone: [PHONE]"),
    ("Tel. 030 1234567", "Tel. [PHONE]"),
    ("(030) 1234567", "[PHONE]"),
    ("030/12345678", "[PHONE]"),
    ("call 0049 30 1234567", "call [PHONE]"),
    // Cards.
    ("4111 1111 1111 1111", "[CARD]"),
    ("4111-1111-1111-1111", "[CARD]"),
    ("card 5555555555554444, exp", "card [CARD], exp"),
    ("3782 822463 10005", "[CARD]"),
    ("6011111111111117", "[CARD]"),
    ("4111 1111 1111 1111 12/28", "[CARD] 12/28"),
    // Social security numbers.
    ("my SSN is 123-45-6789", "my SSN is [SSN]"),
    ("123 45 6789", "[SSN]"),
    // Addresses of machines.
    ("ping 192.168.1.10", "ping [IP]"),
    ("http://10.0.0.1:8080/x", "http://[IP]:8080/x"),
    ("10.0.0.0/8 is private", "[IP]/8 is private"),
    ("from 8.8.8.8.", "from [IP]."),
    ("2001:db8::1", "[IP]"),
    ("[fe80::1ff:fe23:4567:890a]", "[[IP]]"),
    ("::1 is here", "[IP] is here"),
    ("2001:0db8:85a3:0000:0000:8a2e:0370:7334!", "[IP]!"),
    // Births.
    ("born on 4/3/1980", "born on [DATE-OF-BIRTH]"),
    ("date of birth: 1980-03-04", "date of birth: [DATE-OF-BIRTH]"),
    ("DOB 04.03.80", "DOB [DATE-OF-BIRTH]"),
    ("born 4 March 1980 in Ulm", "born [DATE-OF-BIRTH] in Ulm"),
    ("geboren am 04.03.1980", "geboren am [DATE-OF-BIRTH]"),
    ("my birthday is the 4th of March, 1980", "my birthday is the [DATE-OF-BIRTH]"),
];

/// What only looks like it.
const TRAPS: &[&str] = &[
    "version 1.2.3.4",
    "v1.2.3.4",
    "release: 10.0.19.1",
    "1.2.3",
    "1.2.3.4.5",
    "999.1.1.1",
    "2026-11-25",
    "25.11.2026",
    "11/25/2026 10:30:00",
    "2026-11-25T10:30:00Z",
    "on 4/3/1980 it rained",
    "4 March 1980",
    "born to be wild. On 4/3/1980 it rained",
    "12:34:56",
    "$1,234,567.89",
    "€ 12.345,67",
    "price 1234567",
    "5551234",
    "4111 1111 1111 1112",
    "1234567890123456",
    "d41d8cd98f00b204e9800998ecf8427e",
    "commit 1e03865c9579a66f894cb4e59a3573208c75367e",
    "550e8400-e29b-41d4-a716-446655440000",
    "ISBN 978-3-16-148410-0",
    "000-12-3456",
    "666-12-3456",
    "123-00-4567",
    "user@localhost",
    "@mention",
    "a @ b.com",
    "std::fmt::Debug",
    "a::b",
    "bad::cafe",
    "::",
    "issue #555-1234",
    "port 8080",
    "RFC 9106",
    "3.14159",
    "pages 100-2000",
    "pp. 250-1000",
    "call 2026-11-25 a Wednesday",
    "1,000,000",
    "1024x768",
    "part ABC-555-1234",
    "Ada Lovelace",
    "",
];

#[test]
fn each_form_is_replaced() {
    let failures: Vec<_> = CASES
        .iter()
        .filter(|(text, expected)| redact(text) != *expected)
        .map(|(text, expected)| format!("{text:?}: {:?}, not {expected:?}", redact(text)))
        .collect();
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn what_only_looks_alike_stays() {
    let failures: Vec<_> = TRAPS
        .iter()
        .filter(|text| redact(text) != **text)
        .map(|text| format!("{text:?}: {:?}", redact(text)))
        .collect();
    assert!(failures.is_empty(), "{failures:#?}");
}

proptest! {
    #[test]
    fn any_text_is_redacted_once(text in r"([0-9 .:+()@/-]|[a-fz]|born |tel |ä|\[|\]|v){0,60}") {
        let once = redact(&text).into_owned();
        prop_assert_eq!(redact(&once).into_owned(), once.clone());
    }

    #[test]
    fn no_text_is_too_strange(text in any::<String>()) {
        let once = redact(&text).into_owned();
        prop_assert_eq!(redact(&once).into_owned(), once.clone());
    }

    #[test]
    fn every_address_is_found(local in "[a-z]{1,8}", host in "[a-z]{1,8}", a in 0_u8.., b in 0_u8..) {
        let text = format!("to {local}@{host}.org from {a}.{b}.1.2");
        prop_assert_eq!(redact(&text), "to [EMAIL] from [IP]");
    }
}
