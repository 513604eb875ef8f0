import Foundation
import TestSupport
import Testing

@testable import ForetokenFiles

struct JSONValueTests {
    /// JSON that Python wrote, beside the other fixtures of safetensors' make_fixtures.py.
    private static func fixture(_ name: String) -> URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("ForetokenFormatsTests/Fixtures/safetensors/\(name)")
    }

    private func parse(_ text: String) throws -> JSONValue {
        try JSONValue(parsing: text, file: "test.json")
    }

    private func problem(_ text: String) -> JSONProblem? {
        guard case .malformed(_, _, _, let problem) = thrown(JSONError.self, { _ = try parse(text) }) else {
            return nil
        }
        return problem
    }

    @Test func writesAsPythonDoes() throws {
        let pretty = try String(contentsOf: Self.fixture("python.json"), encoding: .utf8)
        let compact = try String(contentsOf: Self.fixture("python-compact.json"), encoding: .utf8)
        let value = try JSONValue(contentsOf: Self.fixture("python.json"))
        #expect(try value.text(.pretty) == pretty)
        #expect(try value.text(.compact) == compact)
        #expect(try parse(compact) == value)
    }

    @Test(
        arguments: [
            ("null", .null), (" true\n", .bool(true)), ("false", .bool(false)), ("0", .integer(0)),
            ("-7", .integer(-7)),
            ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)), ("-0", .number(-0.0)),
            ("1.0", .number(1)), ("1e2", .number(100)), ("1E+2", .number(100)), ("25e-1", .number(2.5)),
            ("9223372036854775808", .number(9.223372036854775808e18)), ("1e-999", .number(0)),
            (#""""#, .string("")),
            (#""\"\\\/\b\f\n\r\t\u00e9\u20AC\ud83e\udd99""#, .string("\"\\/\u{8}\u{C}\n\r\té€🦙")),
            (#""\u0000é日本🦙\u007f""#, .string("\0é日本🦙\u{7F}")), ("[]", .array([])), ("[1,[2 , 3]]", [1, [2, 3]]),
            ("{}", .object(JSONObject())), (#"{ "b" : 1 , "a" : [ { } ] }"#, ["b": 1, "a": [[:]]]),
        ] as [(String, JSONValue)])
    func readsEveryKindOfValue(text: String, value: JSONValue) throws {
        #expect(try parse(text) == value)
        #expect(try parse(value.text()) == value)
        #expect(try parse(value.text(.pretty)) == value)
    }

    @Test func keepsTheSignOfZero() throws {
        #expect(try parse("-0").text() == "-0.0")
    }

    @Test(arguments: [
        "", " ", "nul", "nulll", "True", "NaN", "Infinity", "-Infinity", "-", "+1", "01", "-01", ".5", "1.", "1.e5",
        "1e",
        "1e+", "0x10", "1_000", "--1", "1 2", "\"", "\"a", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"",
        "\"\\ud83e\"",
        "\"\\udd99\"", "\"\\ud83e\\n\"", "\"\\ud83e\\ud83e\"", "\"\t\"", "'a'", "[", "]", "[1", "[1,", "[1,]", "[,1]",
        "[1 2]", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:1}", "{\"a\":1 \"b\":2}", "{\"a\":1}}", "[1]]",
        "// c\n1", "1 // c", "\u{FEFF}1", "\u{A0}1", "\u{C}1", "[1}", "{\"a\":1]", "1e999", "-1e999",
    ])
    func refusesWhatIsNotJSON(text: String) {
        #expect(problem(text) != nil)
    }

    @Test func refusesDuplicateKeysAtAnyDepth() {
        #expect(problem(#"{"a":1,"a":1}"#) == .duplicateKey("a"))
        #expect(problem(#"[{"x":{"a":1,"b":2,"\u0061":3}}]"#) == .duplicateKey("a"))
        #expect(problem(#"{"a":{"a":{"a":1}}}"#) == nil)
    }

    @Test func limitsDepthSizeAndNumbers() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(problem(nested(64)) == nil)
        #expect(problem(nested(65)) == .tooDeep(limit: 64))
        #expect(problem(String(repeating: "{\"a\":", count: 1_000_000)) == .tooDeep(limit: 64))
        #expect(problem("[[[],[]],[[],[]]]") == nil)
        #expect(problem(String(repeating: "1", count: 100_000)) == .numberTooLong(limit: 1024))
        let url = Self.fixture("python.json")
        let size = try Data(contentsOf: url).count
        #expect(throws: Never.self) { try JSONValue(contentsOf: url, sizeLimit: size) }
        #expect(throws: JSONError.self) { try JSONValue(contentsOf: url, sizeLimit: size - 1) }
    }

    @Test func namesLineAndColumn() {
        let error = thrown(JSONError.self) { _ = try parse("{\n  \"a\": 1,\n  \"b\" 2\n}") }
        #expect(error?.description == "test.json:3:7: not valid JSON: expected ':' after a key, found '2'")
    }

    @Test func roundTripsDoublesToTheLastBit() throws {
        var generator = SplitMix64(seed: 3)
        for _ in 0..<20_000 {
            let value = Double(bitPattern: generator.next())
            guard value.isFinite else { continue }
            let text = try JSONValue.number(value).text()
            guard case .number(let read) = try parse(text) else {
                Issue.record("\(text) did not stay a number")
                return
            }
            #expect(read.bitPattern == value.bitPattern)
        }
    }

    @Test func refusesToWriteWhatJSONCannotSay() {
        for value in [Double.nan, .infinity, -.infinity] {
            var object = JSONObject()
            object["a"] = [1, .number(value)]
            let error = thrown(JSONError.self) { _ = try JSONValue.object(object).text() }
            #expect(error == .notFinite(path: "a[1]", value: value.description))
            #expect(JSONValue.finite(value) == .null)
        }
        #expect(JSONValue.finite(1.5) == 1.5)
    }

    @Test func keepsKeysInOrderAndComparesWithoutIt() throws {
        var object = JSONObject()
        for key in ["z", "a", "m"] { object[key] = .string(key) }
        object["a"] = nil
        object["z"] = 1
        object["a"] = 2
        object["none"] = nil
        #expect(object.keys == ["z", "m", "a"])
        #expect(object.map(\.key) == ["z", "m", "a"])
        #expect(try JSONValue.object(object).text() == #"{"z":1,"m":"m","a":2}"#)
        #expect(try parse(#"{"a":2,"m":"m","z":1}"#) == .object(object))
        #expect(object.count == 3 && !object.isEmpty && object["none"] == nil)
    }

    @Test func writesFilesWholeWithAFinalNewline() throws {
        let folder = try TemporaryFolder()
        let value: JSONValue = ["layers": 4, "theta": 10000.0, "tied": false]
        try value.write(to: folder.file("config.json"))
        #expect(
            try String(contentsOf: folder.file("config.json"), encoding: .utf8)
                == "{\n  \"layers\": 4,\n  \"theta\": 10000.0,\n  \"tied\": false\n}\n")
        #expect(try JSONValue(contentsOf: folder.file("config.json")) == value)
        #expect(try folder.contents() == ["config.json"])
        let error = thrown(JSONError.self) { try value.write(to: folder.file("none/config.json")) }
        #expect(error?.description.contains("none/config.json: cannot create it: No such file") == true)
    }

    /// Foundation's parser is laxer than ours, so it must accept whatever ours does, and mutated texts that ours accepts
    /// must read back equal.
    @Test func acceptsNoMutatedTextThatFoundationRefuses() throws {
        let original = try Array(Data(contentsOf: Self.fixture("python.json")))
        let words = ["{", "}", "[", "]", ",", ":", "\"", "\\", "\\u00", "e", "-", ".", "0", " ", "null", "1"].map {
            Array($0.utf8)
        }
        var generator = SplitMix64(seed: 4)
        var accepted = 0
        for _ in 0..<4000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let position = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes[position] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: position)
                case 2: bytes.insert(contentsOf: words.randomElement(using: &generator) ?? [], at: position)
                default: bytes.swapAt(position, Int.random(in: 0..<bytes.count, using: &generator))
                }
            }
            guard let value = try? bytes.withUnsafeBytes({ try JSONValue(parsing: $0, file: "") }) else { continue }
            accepted += 1
            #expect(throws: Never.self) {
                try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
            }
            #expect(try parse(value.text(.pretty)) == value)
        }
        #expect(accepted > 200)
    }

    /// As Swift strings, \u{E9} and e with U+0301 are equal.
    @Test func keysAndStringsCompareByTheirBytes() throws {
        let (one, two) = ("\u{E9}", "e\u{301}")
        var object = try JSONNode(JSONValue(parsing: "{\"\(one)\":1,\"a\":2,\"\(two)\":3}", file: "f"), file: "f")
            .object()
        #expect(object.count == 3 && object[one] == 1 && object[two] == 3)
        #expect(throws: JSONError.self) { try JSONValue(parsing: "{\"\(two)\":1,\"e\\u0301\":2}", file: "f") }
        #expect(JSONValue.string(one) != .string(two) && JSONValue.array([.string(one)]) != .array([.string(two)]))
        #expect(([two: 1] as JSONValue) != [one: 1] && ([two: 1] as JSONValue) == [two: 1])

        object[one] = nil
        #expect(object[one] == nil && object[two] == 3 && object["a"] == 2)
        object[two] = 4
        object[one] = 5
        #expect(object.map { Array($0.key.utf8) } == [Array("a".utf8), Array(two.utf8), Array(one.utf8)])
        #expect(object.map(\.value) == [2, 4, 5])
        #expect(JSONValue.object(object) == ["a": 2, one: 5, two: 4])
    }
}
