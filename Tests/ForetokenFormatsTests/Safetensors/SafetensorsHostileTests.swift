import ForetokenFiles
import Foundation
import TestSupport
import Testing

@testable import ForetokenFormats

struct SafetensorsHostileTests {
    private func error(_ bytes: [UInt8]) throws -> SafetensorsError? {
        let folder = try TemporaryFolder()
        let file = try folder.write(bytes)
        return thrown { _ = try SafetensorsFile(contentsOf: file) }
    }

    @Test(arguments: 0..<8)
    func refusesFilesWithoutALength(count: Int) throws {
        guard case .tooShort(_, count) = try error([UInt8](repeating: 0x7B, count: count)) else {
            Issue.record("accepted")
            return
        }
    }

    @Test func refusesEveryTruncation() throws {
        for name in ["dtypes.safetensors", "values.safetensors"] {
            let whole = try Array(Data(contentsOf: safetensorsFixture(name)))
            #expect(try error(whole) == nil)
            // Every tenth, as well as the last byte and the edges of the header's length.
            for count in (0..<10).map({ whole.count * $0 / 10 }) + [7, 8, 9, whole.count - 1] {
                #expect(try error(Array(whole[..<count])) != nil, "\(name) cut at \(count)")
            }
            #expect(try error(whole + [0]) != nil)
        }
    }

    @Test func refusesRandomBytes() throws {
        var generator = SplitMix64(seed: 1)
        for count in [8, 9, 64, 1000, 100_000] {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            #expect(try error(bytes) != nil)
            // With a length that fits, so that the header itself is random.
            #expect(try error(safetensorsBytes(header: bytes)) != nil)
            #expect(try error(safetensorsBytes(header: [0x7B] + bytes)) != nil)
        }
    }

    @Test(arguments: [100_000_001, UInt64(Int.max), UInt64(Int.max) + 1, .max])
    func refusesAHeaderLargerThanTheFormatAllows(declared: UInt64) throws {
        guard
            case .headerTooLarge(_, declared, 100_000_000) = try error(
                safetensorsBytes(header: "{}", declaring: declared))
        else {
            Issue.record("accepted")
            return
        }
    }

    @Test(arguments: [3, 1000, 100_000_000] as [UInt64])
    func refusesAHeaderThatEndsAfterTheFile(declared: UInt64) throws {
        guard
            case .headerBeyondEnd(_, Int(declared), 10) = try error(safetensorsBytes(header: "{}", declaring: declared))
        else {
            Issue.record("accepted")
            return
        }
    }

    @Test(arguments: ["", "  ", "[]", "\u{FEFF}{}", "null", "\"{}\"", "\n[]"])
    func refusesAHeaderThatDoesNotBeginWithABrace(header: String) throws {
        guard case .headerIsNotAnObject = try error(safetensorsBytes(header: header)) else {
            Issue.record("accepted")
            return
        }
    }

    /// Headers that are not the format's JSON, with the expected message.
    private static let damages: [(header: String, sentence: String)] = [
        ("{", "damaged at byte 9: expected a key in double quotes, found the end of the text"),
        ("{}x", "byte 10: expected spaces to the header's end, found the byte 0x78"),
        ("{}\0", "expected spaces to the header's end, found the byte 0x0"),
        ("{} {}", "expected spaces to the header's end"),
        (#"{"a":5}"#, "tensor 'a': the header is damaged at byte 13: expected an object, found '5'"),
        (#"{"a":null}"#, "expected an object, found 'n'"),
        (#"{"a":{}}"#, "tensor 'a': the header has no complete dtype for it"),
        (#"{"a":{"dtype":"U8","shape":[1]}}"#, "has no complete data_offsets for it"),
        (#"{"a":{"dtype":"U8","data_offsets":[0,1]}}"#, "has no complete shape for it"),
        (#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}"#, "has no complete data_offsets for it"),
        (#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}"#, "expected ']' after two offsets"),
        (#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],}}"#, "expected a key in double quotes, found '}'"),
        (#"{"a":{"dtype":"U8","shape":[1,],"data_offsets":[0,1]}}"#, "expected an integer of zero or more, found ']'"),
        (
            #"{"a":{"dtype":"Q4","shape":[1],"data_offsets":[0,1]}}"#,
            "tensor 'a': unknown dtype 'Q4'; known types: BOOL, F4"
        ),
        (#"{"a":{"dtype":"f32","shape":[1],"data_offsets":[0,1]}}"#, "unknown dtype 'f32'"),
        (#"{"a":{"dtype":32,"shape":[1],"data_offsets":[0,1]}}"#, "expected a string, found '3'"),
        (#"{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}"#, "expected an integer of zero or more, found '-'"),
        (#"{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}"#, "expected an integer of zero or more, found 1.0"),
        (#"{"a":{"dtype":"U8","shape":[1e0],"data_offsets":[0,1]}}"#, "expected an integer of zero or more, found 1e0"),
        (
            #"{"a":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}}"#,
            "expected an integer of zero or more, found a string"
        ),
        (#"{"a":{"dtype":"U8","shape":[01],"data_offsets":[0,1]}}"#, "found one with a leading zero"),
        (#"{"a":{"dtype":"U8","shape":1,"data_offsets":[0,1]}}"#, "expected an array, found '1'"),
        (#"{"a":{"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,1]}}"#, "out of range"),
        (#"{"a":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,1]}}"#, "out of range"),
        (#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,18446744073709551617]}}"#, "out of range"),
        (#"{"a":{"dtype":"U8","shape":[[1]],"data_offsets":[0,1]}}"#, "expected an integer of zero or more, found '['"),
        (#"{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, "the key 'dtype' appears twice"),
        (#"{"a":{"dtype":"U8","shape":[1],"shape":[1],"data_offsets":[0,1]}}"#, "the key 'shape' appears twice"),
        (#"{"__metadata__":{"a":1}}"#, "expected a string, found '1'"),
        (#"{"__metadata__":{"a":{"b":"c"}}}"#, "expected a string, found '{'"),
        (#"{"__metadata__":[]}"#, "expected an object, found '['"),
        (#"{"__metadata__":{},"__metadata__":{}}"#, "the key '__metadata__' appears twice"),
        (#"{"\ud800":{}}"#, "half of a surrogate pair"),
        ("{\"a\u{1}\":{}}", "control character 0x1"),
    ]

    @Test(arguments: damages)
    func saysWhatIsWrongInAHeader(header: String, sentence: String) throws {
        let description = try error(safetensorsBytes(header: header, data: [0]))?.description
        #expect(description?.contains(sentence) == true, "\(description ?? "accepted")")
        #expect(description?.contains("model.safetensors") == true)
    }

    /// Entries that are well formed and lie, with the expected message; the buffer has eight bytes.
    private static let lies: [(entries: String, sentence: String)] = [
        ("U8 [8] 0,8; U8 [4] 4,8", "tensor 't1': begins at 4, inside the previous tensor"),
        ("U8 [4] 0,4; U8 [4] 0,4; U8 [4] 4,8", "tensor 't1': begins at 0, inside"),
        ("U8 [3] 0,3; U8 [4] 4,8", "tensor 't1': begins at 4, but the previous tensor ends at 3"),
        ("U8 [7] 1,8", "tensor 't0': begins at 1, but the previous tensor ends at 0"),
        ("U8 [7] 0,7", "1 bytes after the last tensor belong to no tensor"),
        ("", "8 bytes after the last tensor belong to no tensor"),
        ("U8 [9] 0,9", "tensor 't0': its bytes end at 9, the file's at 8"),
        ("U8 [8] 0,8; U8 [0] 9,9", "tensor 't1': its bytes end at 9, the file's at 8"),
        ("U8 [8] 8,0", "tensor 't0': its bytes end at 0 before they begin at 8"),
        ("F32 [1] 0,8", "tensor 't0': F32 of shape [1] takes 4 bytes, there are 8"),
        ("F32 [] 0,8", "tensor 't0': F32 of shape [] takes 4 bytes, there are 8"),
        ("U8 [0] 0,8", "tensor 't0': U8 of shape [0] takes 0 bytes, there are 8"),
        ("F4 [15] 0,8", "[15] is not a valid shape for F4"),
        ("F6_E3M2 [2] 0,8", "[2] is not a valid shape for F6_E3M2"),
        ("F64 [4294967296,4294967296] 0,8", "[4294967296, 4294967296] is not a valid shape for F64"),
        ("U8 [9223372036854775807] 0,8", "[9223372036854775807] is not a valid shape for U8"),
        ("U8 [0,4294967296,4294967296] 0,0; U8 [8] 0,8", "4294967296] is not a valid shape for U8"),
        ("U8 [8] 0,9223372036854775807", "takes 8 bytes, there are 9223372036854775807"),
    ]

    @Test(arguments: lies)
    func saysWhichTensorLies(entries: String, sentence: String) throws {
        let fields = entries.split(separator: "; ").enumerated().map { index, entry in
            let words = entry.split(separator: " ")
            return #""t\#(index)":{"dtype":"\#(words[0])","shape":\#(words[1]),"data_offsets":[\#(words[2])]}"#
        }
        let header = "{" + fields.joined(separator: ",") + "}"
        let description = try error(safetensorsBytes(header: header, data: [UInt8](0..<8)))?.description
        #expect(description?.contains(sentence) == true, "\(description ?? "accepted")")
    }

    @Test func refusesATensorNamedTwice() throws {
        let entry = #"{"dtype":"U8","shape":[0],"data_offsets":[0,0]}"#
        guard case .duplicateTensor(_, "a") = try error(safetensorsBytes(header: #"{"a":\#(entry),"a":\#(entry)}"#))
        else {
            Issue.record("accepted")
            return
        }
        // Spelt differently in JSON, the same once decoded.
        guard
            case .duplicateTensor(_, "a") = try error(safetensorsBytes(header: #"{"a":\#(entry),"\u0061":\#(entry)}"#))
        else {
            Issue.record("accepted")
            return
        }
    }

    @Test(
        arguments: [
            [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82], [0x80],
        ] as [[UInt8]])
    func refusesNamesThatAreNotUTF8(name: [UInt8]) throws {
        let entry = #"":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#
        for prefix in ["{\"", "{\"\\n"] {
            guard
                case .malformedHeader(_, nil, _, .notUTF8) =
                    try error(safetensorsBytes(header: Array(prefix.utf8) + name + Array(entry.utf8)))
            else {
                Issue.record("accepted")
                return
            }
        }
    }

    @Test(arguments: ["[", "{\"a\":", "{\"a\":{\"shape\":[", "{\"__metadata__\":{\"a\":"])
    func refusesDeepNesting(opening: String) throws {
        let header = "{\"a\":" + String(repeating: opening, count: 200_000)
        #expect(try error(safetensorsBytes(header: header)) != nil)
        #expect(try error(safetensorsBytes(header: String(repeating: opening, count: 200_000))) != nil)
    }

    @Test func refusesALongShapeAndALongNumber() throws {
        for shape in [String(repeating: "1,", count: 1_000_000) + "1", String(repeating: "1", count: 1_000_000)] {
            let header = #"{"a":{"dtype":"U8","shape":[\#(shape)],"data_offsets":[0,0]}}"#
            #expect((try error(safetensorsBytes(header: header))?.description.count ?? .max) < 1000)
        }
    }

    @Test func keepsHostileNamesOutOfTheTerminal() throws {
        let name = "\\u001b[31m" + String(repeating: "x", count: 100_000)
        let description =
            try error(safetensorsBytes(header: "{\"\(name)\":{\"dtype\":\"\(name)\"}}"))?.description ?? ""
        #expect(description.count < 1000)
        #expect(description.contains(#"\u{1b}[31mxxx"#))
        #expect(!description.contains("\u{1B}"))
    }

    @Test func refusesWhatIsNotAFile() throws {
        let folder = try TemporaryFolder()
        let pipe = folder.file("pipe")
        #expect(mkfifo(pipe.path, 0o600) == 0)
        for url in [folder.url, pipe, folder.file("missing"), URL(fileURLWithPath: "/dev/zero")] {
            guard case .cannotRead = thrown(SafetensorsError.self, { _ = try SafetensorsFile(contentsOf: url) }) else {
                Issue.record("\(url) accepted")
                return
            }
        }
    }

    @Test func namesATensorThatIsNotThere() throws {
        let file = try SafetensorsFile(contentsOf: safetensorsFixture("values.safetensors"))
        let error = thrown(SafetensorsError.self) { try file.withBytes(of: "none") { _ in } }
        #expect(error == .noSuchTensor(file: file.url.relativePath, tensor: "none"))
    }
}
