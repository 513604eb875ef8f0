import ForetokenFiles
import Foundation
import TestSupport
import Testing

@testable import ForetokenFormats

/// Pickles and archives made by hand: whatever they contain, the reader answers with one message.
struct TorchFileHostileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// The error message for a file; empty if it is accepted.
    private func refusal(_ bytes: [UInt8]) throws -> String {
        let url = try folder.write(bytes, as: "x.pth")
        do {
            let file = try TorchFile(contentsOf: url)
            for name in file.names { _ = try file.withBytes(of: name) { $0.count } }
            return ""
        } catch let error as TorchFileError {
            return error.description
        }
    }

    /// An archive of these records, sound as a zip.
    private func archive(_ records: [(String, [UInt8])], folder name: String = "x") throws -> [UInt8] {
        let url = folder.file("y.pth")
        var zip = ZipWriter(try AtomicFileWriter(destination: url))
        for (record, bytes) in records { try zip.append("\(name)/\(record)", bytes) }
        try zip.finish()
        return try Array(Data(contentsOf: url))
    }

    private func pickled(_ body: String, storage: Int = 8, version: String = "3\n") throws -> String {
        try pickled(Array(body.utf8), storage: storage, version: version)
    }

    private func pickled(_ body: [UInt8], storage: Int = 8, version: String = "3\n") throws -> String {
        try refusal(
            archive([
                ("data.pkl", [0x80, 2] + body), ("data/0", [UInt8](repeating: 0, count: storage)),
                ("version", Array(version.utf8)),
            ]))
    }

    /// One tensor called `a` over storage 0 of `count` float32.
    private func tensor(
        offset: UInt8 = 0, shape: [UInt8], strides: [UInt8], count: UInt8 = 2, type: String = "FloatStorage"
    ) -> [UInt8] {
        func tuple(_ numbers: [UInt8]) -> [UInt8] {
            Array("(".utf8) + numbers.flatMap { [0x4B, $0] } + Array("t".utf8)
        }
        func text(_ text: String) -> [UInt8] { [0x58, UInt8(text.utf8.count), 0, 0, 0] + text.utf8 }
        return Array("}".utf8) + text("a") + Array("ctorch._utils\n_rebuild_tensor_v2\n((".utf8) + text("storage")
            + Array("ctorch\n\(type)\n".utf8) + text("0") + text("cpu") + [0x4B, count] + Array("tQK".utf8) + [offset]
            + tuple(shape) + tuple(strides) + [0x89] + Array("ccollections\nOrderedDict\n)RtRs.".utf8)
    }

    @Test func theHandMadeTensorIsRead() throws {
        #expect(try pickled(tensor(shape: [2], strides: [1])) == "")
        #expect(try pickled(tensor(offset: 1, shape: [], strides: [])) == "")
        #expect(try pickled(tensor(offset: 2, shape: [0, 3], strides: [3, 1])) == "")
    }

    @Test func namesThatCouldActAreRefusedByName() throws {
        for name in [
            "os\nsystem", "builtins\neval", "__builtin__\nexec", "posix\nsystem", "torch\nload", "torch.hub\nload",
            "torch._utils\n_rebuild_tensor_v3", "torch.storage\nUntypedStorage", "torch\nComplexFloatStorage",
            "numpy.core\nscalar",
        ] {
            let sentence = try pickled("c\(name)\n(X\u{4}\u{0}\u{0}\u{0}echotR.")
            #expect(sentence.contains("byte 2: '\(name.replacing("\n", with: "."))' is not supported"), "\(sentence)")
        }
        #expect(try pickled("cos\n" + String(repeating: "a", count: 300)).contains("a name without an end"))
    }

    @Test func everyOtherOpcodeIsRefusedByName() throws {
        for (code, name) in [
            (0x69, "INST"), (0x6F, "OBJ"), (0x81, "NEWOBJ"), (0x92, "NEWOBJ_EX"), (0x93, "STACK_GLOBAL"),
            (0x82, "EXT1"),
            (0x50, "PERSID"), (0x47, "BINFLOAT"), (0x5D, "EMPTY_LIST"), (0x95, "FRAME"), (0x8C, "SHORT_BINUNICODE"),
        ] as [(UInt8, String)] {
            #expect(try pickled([code, 0x2E]).contains("opcode \(name) is not supported"))
        }
        var accepted: Set<UInt8> = []
        for code in UInt8.min...UInt8.max where try !pickled([code]).contains("opcode") { accepted.insert(code) }
        #expect(accepted == Set(PickleOpcode.allCases.map(\.rawValue)))
    }

    @Test func brokenPicklesAreRefused() throws {
        for (body, part) in [
            ("", "ends too early"), (".", "without its values"), ("}", "ends too early"), ("}.x", "continues after"),
            ("}}.", "left over"), ("(}.", "left over"), ("}(.", "without its values"),
            ("t.", "without its mark"),
            ("}q\u{1}.", "memo 1 after 0"), ("h\u{0}.", "memo 0 is empty"), ("q\u{0}", "nothing to remember"),
            ("K\u{1}.", "it contains a number, not a dictionary"), ("N.", "it contains None"),
            ("}NNs.", "a key that is None"),
            ("}X\u{1}\u{0}\u{0}\u{0}aNs.", "'a' is None, not a tensor"),
            ("}(X\u{1}\u{0}\u{0}\u{0}au.", "belong to no dictionary"),
            ("}(X\u{1}\u{0}\u{0}\u{0}aNX\u{1}\u{0}\u{0}\u{0}aNu.", "duplicate key 'a'"), ("}}b.", ""),
            ("N)R.", "None is called"),
            ("ccollections\nOrderedDict\nNR.", "None where arguments"),
            ("ctorch\nFloatStorage\n)R.", "class is called"), ("NQ.", "None where a storage"),
            (")Q.", "not a storage"),
            ("X\u{7F}\u{7F}\u{7F}\u{7F}a", "ends too early"),
            ("}N}X\u{1}\u{0}\u{0}\u{0}aNsb.", "with attributes other"),
        ] {
            let sentence = try pickled(body)
            #expect(
                part.isEmpty ? sentence.contains("data/0") : sentence.contains(part),
                "\(body.debugDescription): \(sentence)")
        }
        #expect(try pickled(Array("ccollections\nOrderedDict\nK".utf8) + [1, 0x85, 0x52]).contains("with arguments"))
        #expect(try pickled([0x58, 1, 0, 0, 0, 0xFF, 0x2E]).contains("not UTF-8"))
        #expect(try pickled([0x8A, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1]).contains("a number of 9 bytes"))
        #expect(
            try refusal(archive([("data.pkl", [0x80, 4, 0x7D, 0x2E]), ("version", [0x33])])).contains("protocol 4"))
    }

    @Test func nestingCostsNothingAndSizesAreBounded() throws {
        // A million nested tuples, and a dictionary that contains itself.
        #expect(
            try pickled([0x29] + [UInt8](repeating: 0x85, count: 1_000_000) + [0x2E]).contains("it contains a tuple"))
        #expect(try pickled("}q\u{0}X\u{1}\u{0}\u{0}\u{0}ah\u{0}s.").contains("'a' is a dictionary"))
        // A key of a megabyte, hashed for one new dictionary after the other.
        let key = [0x58, 0, 0, 0x10, 0] + [UInt8](repeating: 0x61, count: 1 << 20) + [0x71, 0]
        let again = Array("}h".utf8) + [0] + Array("Ns".utf8)
        #expect(try pickled(key + Array(repeatElement(again, count: 1000).joined())).contains("its keys are longer"))
        #expect(try pickled([UInt8](repeating: 0x4E, count: 100_000)).contains("more values than any checkpoint"))
        #expect(try pickled([UInt8](repeating: 0x28, count: 100_000)).contains("more values than any checkpoint"))
        #expect(
            try pickled([0x29] + [UInt8](repeating: 0x85, count: 3_000_000) + [0x2E]).contains(
                "more values than any checkpoint")
        )
    }

    @Test func tensorsOutsideTheirStorageAreRefused() throws {
        #expect(try pickled(tensor(shape: [3], strides: [1])).contains("3 elements over a storage of 2"))
        #expect(try pickled(tensor(offset: 1, shape: [2], strides: [1])).contains("outside its storage"))
        #expect(try pickled(tensor(offset: 2, shape: [], strides: [])).contains("outside its storage"))
        #expect(try pickled(tensor(offset: 3, shape: [0], strides: [1])).contains("offset is outside"))
        #expect(try pickled(tensor(shape: [2], strides: [2])).contains("strides [2] reach outside"))
        #expect(try pickled(tensor(shape: [2], strides: [1, 1])).contains("1 sizes and 2 strides"))
        #expect(try pickled(tensor(shape: [2], strides: [1], count: 3)).contains("holds 8 bytes"))
        #expect(try pickled(tensor(shape: [2], strides: [1], type: "DoubleStorage")).contains("holds 8 bytes"))
        #expect(try pickled(tensor(shape: [2], strides: [1]), storage: 9).contains("holds 9 bytes"))
        // Five dimensions of 32 639 elements.
        let large = Array("(".utf8) + (0..<5).flatMap { _ in [0x4D, 0x7F, 0x7F] } + Array("t".utf8)
        let scalar = tensor(shape: [], strides: [])
        #expect(
            try pickled(scalar.replacing(Array("(t(t".utf8), with: large + Array("(t".utf8))).contains("5 sizes and 0"))
        #expect(
            try pickled(scalar.replacing(Array("(t(t".utf8), with: large + large)).contains(
                "is not a valid shape"))
    }

    @Test func otherFilesAreCalledWhatTheyAre() throws {
        #expect(try refusal([]).contains("it is empty"))
        #expect(try refusal([0x80, 2, 0x8A, 0x0A]).contains("before 1.6"))
        #expect(try refusal(Array("hello".utf8)).contains("not a zip archive"))
        #expect(try refusal(archive([("version", [0x33])])).contains("no data.pkl"))
        #expect(try refusal(archive([("data.pkl", [0x80, 2, 0x7D, 0x2E])])).contains("no format version"))
        #expect(try pickled("}.", version: "11").contains("no format version between"))
        #expect(try refusal(archive([("constants.pkl", []), ("version", [0x33])])).contains("TorchScript"))
        #expect(
            try refusal(archive([("version", [0x33]), ("byteorder", Array("big".utf8))])).contains("another byte order")
        )
        #expect(
            try refusal(archive([("surprise", []), ("version", [0x33])])).contains(
                "not a record that torch.save writes"))
        let missing = folder.file("nothing.pth")
        #expect(throws: TorchFileError.self) { try TorchFile(contentsOf: missing) }
        #expect(throws: TorchFileError.self) { try TorchFile(contentsOf: folder.url) }
    }

    @Test(arguments: ["views.pth", "state_dict.pth"]) func truncatedFilesAreRefused(name: String) throws {
        let whole = try Array(Data(contentsOf: torchFixture(name)))
        for tenth in 0..<10 { #expect(try refusal(Array(whole.prefix(whole.count * tenth / 10))) != "") }
        #expect(try refusal(Array(whole.dropLast())).contains("truncated"))
        #expect(try refusal(whole + [0]).contains("appended"))
        #expect(try refusal([0] + whole).contains("not a zip archive"))
    }

    @Test func archivesThatTwoReadersCouldSeeDifferentlyAreRefused() throws {
        let whole = try archive([("a", [1, 2, 3]), ("version", [0x33])])
        let text = String(decoding: whole, as: Unicode.ASCII.self)
        func places(_ signature: String) -> [Int] {
            whole.indices.filter { Array(whole[$0...].prefix(4)) == Array(signature.utf8) }
        }
        #expect(text.utf8.count > 0)
        let local = places("PK\u{3}\u{4}")
        let central = places("PK\u{1}\u{2}")
        let descriptor = places("PK\u{7}\u{8}")
        #expect(local.count == 2 && central.count == 2 && descriptor.count == 2)
        func patched(_ place: Int, _ bytes: [UInt8]) throws -> String {
            var copy = whole
            copy.replaceSubrange(place..<(place + bytes.count), with: bytes)
            return try refusal(copy)
        }
        for (place, bytes, part) in [
            (local[1] + 8, [8], "does not match the directory"),
            (local[1] + 6, [0], "local header does not match"),
            (local[1] + 30, [0x79], "header has another name"), (local[1] + 22, [9], "another size"),
            (local[1] + 14, [9], "checksum"),
            (central[1] + 10, [8], "compressed"), (central[1] + 8, [9], "encrypted"),
            (central[1] + 24, [2], "two different sizes"),
            (central[1] + 20, [2, 0, 0, 0, 2], "does not have its checksum"),
            (central[1] + 42, [0], "overlap the next record"),
            (central[1] + 42, [0xFF, 0xFF, 0xFF, 0xFF], "zip64 size is missing"),
            (central[1] + 34, [1], "another part"),
            (central[1] + 28, [0xFF, 0xFF], "damaged name"), (central[1] + 46, [0xFF], "damaged name"),
            (central[1] + 20, [0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0x7F], "overlap the next record"),
            (descriptor[0] + 4, [9], "checksum"), (descriptor[0] + 8, [9], "another size"),
            (descriptor[0], [0], "checksum"),
            (whole.count - 22 + 8, [3, 0, 3], "disagree"), (whole.count - 22 + 20, [1], "end is damaged"),
            (whole.count - 22 + 16, [9], "disagree"), (whole.count - 42 + 8, [9], "zip64 end"),
            (central[0], [0], "directory is damaged"),
        ] as [(Int, [UInt8], String)] {
            let sentence = try patched(place, bytes)
            #expect(sentence.contains(part), "\(place) \(part): \(sentence)")
        }
        #expect(try refusal(archive([("a", []), ("a", []), ("version", [0x33])])).contains("duplicate name"))
        // A record twice in the directory, at one place: an overlap.
        let overlapping = whole.replacing(Array("x/version".utf8), with: Array("x/aaaaaaa".utf8))
        #expect(try refusal(overlapping).contains("not a record"))
    }

    @Test func wideSizesAreRead() throws {
        // The same archive with its sizes and places in zip64 fields.
        let url = folder.file("wide.pth")
        let body = try Array(Data(contentsOf: torchFixture("ordered.pth")))
        let narrow = try TorchFile(contentsOf: folder.write(body, as: "narrow.pth"))
        try widened(body).withUnsafeBufferPointer { try Data($0).write(to: url) }
        let wide = try TorchFile(contentsOf: url)
        for name in narrow.names {
            #expect(try wide.withBytes(of: name) { Array($0) } == narrow.withBytes(of: name) { Array($0) })
        }
    }

    /// Moves the directory's sizes and offsets into zip64 extra fields.
    private func widened(_ bytes: [UInt8]) throws -> [UInt8] {
        func number(_ at: Int, _ width: Int) -> Int {
            (0..<width).reversed().reduce(0) { $0 << 8 | Int(bytes[at + $1]) }
        }
        let end64 = bytes.count - 98
        let (start, count) = (number(end64 + 48, 8), number(end64 + 32, 8))
        var (directory, position) = ([UInt8](), start)
        for _ in 0..<count {
            let nameEnd = position + 46 + number(position + 28, 2)
            var entry = Array(bytes[position..<nameEnd])
            for field in [20, 24, 42] { entry.replaceSubrange(field..<(field + 4), with: [0xFF, 0xFF, 0xFF, 0xFF]) }
            entry.replaceSubrange(30..<32, with: [28, 0])
            entry.append(littleEndian: UInt16(1))
            entry.append(littleEndian: UInt16(24))
            for field in [24, 20, 42] { entry.append(littleEndian: UInt64(number(position + field, 4))) }
            directory += entry
            position = nameEnd
        }
        var tail = Array(bytes[end64...])
        func put(_ value: Int, _ at: Int, _ width: Int) {
            for index in 0..<width { tail[at + index] = UInt8(truncatingIfNeeded: value >> (8 * index)) }
        }
        put(directory.count, 40, 8)
        put(start + directory.count, 56 + 8, 8)
        for field in [8, 10] { put(0xFFFF, 76 + field, 2) }
        for field in [12, 16] { put(0xFFFF_FFFF, 76 + field, 4) }
        return Array(bytes[..<start]) + directory + tail
    }
}
