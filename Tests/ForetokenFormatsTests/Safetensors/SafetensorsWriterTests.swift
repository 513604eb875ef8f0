import ForetokenFiles
import Foundation
import TestSupport
import Testing

@testable import ForetokenFormats

struct SafetensorsWriterTests {
    /// Shapes of which every type, even of four and six bits, fills whole bytes; the last two are empty.
    static let shapes: [[Int]] = [[4], [2, 4], [3, 1, 8], [0], [5, 0, 2]]

    @Test(arguments: SafetensorsDType.allCases, shapes)
    func readsBackWhatItWrote(dtype: SafetensorsDType, shape: [Int]) throws {
        let folder = try TemporaryFolder()
        let size = shape.reduce(1, *) * dtype.bits / 8
        let bytes = (0..<size).map { UInt8($0 % 251) }
        let written = try SafetensorsWriter.write(
            to: folder.file(), tensors: [SafetensorsSource(name: "t", dtype: dtype, shape: shape, bytes: bytes)],
            metadata: ["key \"1\"": "va\nlue", "é": ""])
        let file = try SafetensorsFile(contentsOf: folder.file())
        #expect(file.tensors == ["t": SafetensorsEntry(name: "t", dtype: dtype, shape: shape, byteRange: 0..<size)])
        #expect(try file.bytes(of: "t") == bytes)
        #expect(file.metadata == ["key \"1\"": "va\nlue", "é": ""])
        #expect(try Data(contentsOf: folder.file()).count == written)
        #expect((written - size).isMultiple(of: 8))
    }

    @Test func keepsTheGivenOrderAmongScalarsAndEmptyTensors() throws {
        let folder = try TemporaryFolder()
        let names = ["z", "", "empty 2", "empty 1", "a", "last empty"]
        let sources = names.map { name in
            let isEmpty = name.contains("empty")
            return SafetensorsSource(
                name: name, dtype: .float16, shape: isEmpty ? [0] : [],
                bytes: [UInt8](repeating: 7, count: isEmpty ? 0 : 2))
        }
        try SafetensorsWriter.write(to: folder.file(), tensors: sources)
        let file = try SafetensorsFile(contentsOf: folder.file())
        #expect(file.names == names)
        #expect(try file.entry("").shape == [])
        #expect(file.byteCount == 6)
    }

    @Test func writesAFileWithoutTensors() throws {
        let folder = try TemporaryFolder()
        try SafetensorsWriter.write(to: folder.file(), tensors: [])
        let file = try SafetensorsFile(contentsOf: folder.file())
        #expect(file.names == [])
        #expect(try Array(Data(contentsOf: folder.file())) == safetensorsBytes(header: "{}      "))
    }

    @Test func takesBytesInPiecesOfAnySize() throws {
        let folder = try TemporaryFolder()
        let count = 5_000_000
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
        let source = SafetensorsSource(name: "t", dtype: .uint8, shape: [count]) { write in
            try bytes.withUnsafeBytes { buffer in
                var start = 0
                var size = 0
                while start < count {
                    let end = min(start + size, count)
                    try write(UnsafeRawBufferPointer(rebasing: buffer[start..<end]))
                    start = end
                    size = size * 3 + 1
                }
            }
        }
        try SafetensorsWriter.write(to: folder.file(), tensors: [source])
        #expect(try SafetensorsFile(contentsOf: folder.file()).bytes(of: "t") == bytes)
    }

    @Test func readsItsOwnHeaderOfAHundredThousandTensors() throws {
        let folder = try TemporaryFolder()
        let sources = (0..<100_000).map { index in
            SafetensorsSource(
                name: "model.layers.\(index).self_attn.q_proj.weight", dtype: .uint16, shape: [1, 1],
                bytes: [UInt8(truncatingIfNeeded: index), UInt8(truncatingIfNeeded: index >> 8)])
        }
        try SafetensorsWriter.write(to: folder.file(), tensors: sources)
        let file = try SafetensorsFile(contentsOf: folder.file())
        #expect(file.names == sources.map(\.name))
        #expect(try file.bytes(of: sources[77_777].name) == [0xD1, 0x2F])
    }

    @Test func replacesAFileEvenWhileItIsTheSource() throws {
        let folder = try TemporaryFolder()
        try SafetensorsWriter.write(
            to: folder.file(), tensors: [SafetensorsSource(name: "a", dtype: .uint8, shape: [3], bytes: [1, 2, 3])])
        let old = try SafetensorsFile(contentsOf: folder.file())
        try SafetensorsWriter.write(
            to: folder.file(), tensors: [SafetensorsSource(copying: "a", from: old, as: "b")])
        #expect(try SafetensorsFile(contentsOf: folder.file()).bytes(of: "b") == [1, 2, 3])
        #expect(try old.bytes(of: "a") == [1, 2, 3])
        #expect(try folder.contents() == ["model.safetensors"])
    }

    @Test(arguments: [0, 3, 5, 1000])
    func refusesAClosureThatProvidesOtherBytesThanTheShapeNeeds(count: Int) throws {
        let folder = try TemporaryFolder()
        let source = SafetensorsSource(name: "t", dtype: .uint8, shape: [4], bytes: [UInt8](repeating: 0, count: count))
        let error = thrown(SafetensorsError.self) {
            try SafetensorsWriter.write(to: folder.file(), tensors: [source])
        }
        #expect(
            error
                == .wrongByteCount(
                    file: folder.file().relativePath, tensor: "t", dtype: .uint8, shape: [4], expected: 4, found: count)
        )
        #expect(try folder.contents() == [])
    }

    @Test func refusesWhatNoReaderCouldRead() throws {
        let folder = try TemporaryFolder()
        let file = folder.file().relativePath
        func error(_ sources: SafetensorsSource...) -> SafetensorsError? {
            thrown { try SafetensorsWriter.write(to: folder.file(), tensors: sources) }
        }
        func source(_ name: String, _ dtype: SafetensorsDType = .uint8, _ shape: [Int] = [0]) -> SafetensorsSource {
            SafetensorsSource(name: name, dtype: dtype, shape: shape, bytes: [UInt8]())
        }
        #expect(error(source("a"), source("b"), source("a")) == .duplicateTensor(file: file, tensor: "a"))
        #expect(error(source("__metadata__")) == .reservedName(file: file, tensor: "__metadata__"))
        let impossible: [(SafetensorsDType, [Int])] = [
            (.uint8, [-1]), (.float32, [.max, 2]), (.float4, [3]), (.uint8, [Int](repeating: 1, count: 65)),
            (.float32, [0, .max, .max]),
        ]
        for (dtype, shape) in impossible {
            #expect(
                error(source("a", dtype, shape))
                    == .impossibleShape(file: file, tensor: "a", dtype: dtype, shape: shape))
        }
        // Each tensor alone could be, all of them together could not.
        let huge = (0..<9).map { source("t\($0)", .uint8, [Int.max / 8]) }
        #expect(
            thrown { try SafetensorsWriter.write(to: folder.file(), tensors: huge) }
                == SafetensorsError.fileTooLarge(file: file))
        #expect(try folder.contents() == [])
    }

    @Test func leavesTheOldFileWhenAClosureThrows() throws {
        struct Stop: Error, Equatable {}
        let folder = try TemporaryFolder()
        let old = [SafetensorsSource(name: "old", dtype: .uint8, shape: [1], bytes: [9])]
        try SafetensorsWriter.write(to: folder.file(), tensors: old)
        let failing = SafetensorsSource(name: "new", dtype: .uint8, shape: [2_000_000]) { write in
            try [UInt8](repeating: 0, count: 1_500_000).withUnsafeBytes(write)
            throw Stop()
        }
        #expect(throws: Stop()) { try SafetensorsWriter.write(to: folder.file(), tensors: [failing]) }
        #expect(try SafetensorsFile(contentsOf: folder.file()).names == ["old"])
        #expect(try folder.contents() == ["model.safetensors"])
    }

    @Test func namesFileAndBytesWhenTheDiskIsFull() throws {
        let folder = try TemporaryFolder()
        // Linux's full disk; through a link, since a failed write removes its temporary file.
        let full = folder.file("full")
        try FileManager.default.createSymbolicLink(atPath: full.path, withDestinationPath: "/dev/full")
        let bytes = [UInt8](repeating: 1, count: 3_000_000)
        let source = SafetensorsSource(name: "t", dtype: .uint8, shape: [3_000_000], bytes: bytes)
        let error = thrown(SafetensorsError.self) {
            _ = try SafetensorsWriter.write(to: folder.file(), tensors: [source], metadata: [:]) {
                (url) throws(FileFailure) in try AtomicFileWriter(destination: url, temporary: full, flags: 0)
            }
        }
        guard case .cannotWrite(folder.file().relativePath, "write", 0, 3_000_080, let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason == "No space left on device")
        #expect(try folder.contents() == [])
    }

    @Test func namesAFolderThatIsNotThere() throws {
        let folder = try TemporaryFolder()
        let error = thrown(SafetensorsError.self) {
            try SafetensorsWriter.write(to: folder.file("none/model.safetensors"), tensors: [])
        }
        #expect(error?.description.contains("none/model.safetensors: cannot create it: No such file") == true)
    }
}
