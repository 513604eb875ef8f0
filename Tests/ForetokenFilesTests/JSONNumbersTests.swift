import ForetokenFiles
import Testing

/// Numbers as Python's `json` writes them, which strict reading refuses.
struct JSONNumbersTests {
    private func python(_ text: String) throws -> JSONValue {
        try JSONValue(parsing: text, file: "test.json", numbers: .python)
    }

    @Test func pythonsWordsAndNumbersOfAnyLengthAreReadWhereAllowed() throws {
        let long = "1" + String(repeating: "0", count: 2000)
        let text = "[NaN, Infinity, -Infinity, -1, 1e999, -1e999, \(long), 123456789012345678901234567890, 1.5]"
        let values = try JSONNode(python(text), file: "").array()
        #expect(try values[0].double().isNaN)
        #expect(try values[1].double() == .infinity && values[2].double() == -.infinity)
        #expect(try values[3].integer() == -1)
        #expect(try values[4].double() == .infinity && values[5].double() == -.infinity)
        #expect(try values[6].double() == .infinity)
        #expect(values[7].value == .number(123456789012345678901234567890.0))
        #expect(values[8].value == .number(1.5))
    }

    @Test(arguments: [
        "NaN", "Infinity", "-Infinity", "[NaN]", #"{"a": -Infinity}"#, "1e999",
        "1" + String(repeating: "0", count: 400),
    ])
    func theyAreRefusedByDefault(text: String) throws {
        #expect(throws: JSONError.self) { try JSONValue(parsing: text, file: "test.json") }
        _ = try python(text)
    }

    @Test(arguments: [
        "nan", "Nan", "NaNN", "Inf", "+Infinity", "--Infinity", "- Infinity", "-NaN", "Infinity1", "01", "1.", "",
    ])
    func otherWordsAreRefusedHereToo(text: String) {
        #expect(throws: JSONError.self) { try python(text) }
    }
}
