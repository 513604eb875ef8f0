import ForetokenFiles
import Foundation
import TestSupport
import Testing
import Torch

@testable import ForetokenFormats

/// A file that PyTorch wrote; see make_fixtures.py beside them.
func torchFixture(_ name: String) throws -> URL {
    struct NoFixtures: Error {}
    guard let folder = Bundle.module.resourceURL else { throw NoFixtures() }
    return folder.appendingPathComponent("Fixtures/torchfile/\(name)")
}

struct TorchFileTests {
    static let fixtures = ["views", "types", "state_dict", "kept_vars", "ordered", "without_checksums"]

    @Test(arguments: fixtures) func everyTensorHasTheElementsThatPyTorchGaveIt(name: String) throws {
        let file = try TorchFile(contentsOf: torchFixture("\(name).pth"))
        let expected = try JSONNode(contentsOf: torchFixture("expected.json"))[name]
        #expect(try file.names == Array(expected.object().keys))
        for tensor in file.names {
            let entry = try file.entry(tensor)
            let theirs = try expected[tensor]
            #expect(try entry.dtype.description == theirs["dtype"].string(), "\(tensor)")
            #expect(try entry.shape == theirs["shape"].array().map { try $0.integer() }, "\(tensor)")
            let ours: [Double] = try file.tensor(tensor).to(.float64).elements()
            #expect(try ours == theirs["elements"].array().map { try $0.double() }, "\(tensor)")
        }
    }

    @Test func tensorsInOrderAreTheMappedFileAndViewsShareARecord() throws {
        let file = try TorchFile(contentsOf: torchFixture("views.pth"))
        let (whole, row) = (try file.entry("whole"), try file.entry("row"))
        #expect(whole.record == row.record && whole.isContiguous && row.isContiguous && row.offset == 20)
        #expect(try !file.entry("transposed").isContiguous && !file.entry("half columns").isContiguous)
        let addresses = try ["whole", "row"].map { name in
            try file.withBytes(of: name) { Int(bitPattern: $0.baseAddress) }
        }
        #expect(addresses[1] - addresses[0] == 80)
    }

    @Test func whatIsWrittenComesBack() throws {
        let folder = try TemporaryFolder()
        let original = try SafetensorsFile(contentsOf: safetensorsFixture("values.safetensors"))
        let known = try original.names.filter { DType(try original.entry($0).dtype) != nil }
        #expect(known.count > 3)
        let url = folder.file("out.pth")
        try TorchFileWriter.write(
            to: url, tensors: known.map { try SafetensorsSource(copying: $0, from: original) },
            shared: ["again": known[0]])
        let copy = try TorchFile(contentsOf: url)
        #expect(copy.names == known + ["again"])
        #expect(try copy.entry("again").isSame(as: copy.entry(known[0])))
        for name in known {
            let entry = try original.entry(name)
            #expect(try copy.entry(name).shape == entry.shape && copy.entry(name).dtype.safetensors == entry.dtype)
            #expect(try copy.withBytes(of: name) { Array($0) } == original.bytes(of: name))
            let alignment = try copy.withBytes(of: name) { Int(bitPattern: $0.baseAddress) % 64 }
            #expect(alignment == 0 || entry.byteCount == 0)
        }
    }

    @Test func writingRefusesWhatTorchCouldNotRead() throws {
        let folder = try TemporaryFolder()
        func refusal(_ tensors: [SafetensorsSource], shared: [String: String] = [:]) throws -> String {
            let error: TorchFileError? = thrown {
                try TorchFileWriter.write(to: folder.file("out.pth"), tensors: tensors, shared: shared)
            }
            #expect(try folder.contents() == [])
            return error?.description ?? ""
        }
        func source(_ name: String, _ dtype: SafetensorsDType = .uint8, shape: [Int] = [2], bytes: Int = 2)
            -> SafetensorsSource
        {
            SafetensorsSource(name: name, dtype: dtype, shape: shape, bytes: [UInt8](repeating: 0, count: bytes))
        }
        #expect(try refusal([source("a"), source("a")]).contains("two tensors have the name 'a'"))
        #expect(try refusal([source("a", .float8E4M3)]).contains("no storage of F8_E4M3"))
        #expect(try refusal([source("a", bytes: 3)]).contains("gave 3 bytes"))
        #expect(try refusal([source("a", bytes: 1)]).contains("gave 1 bytes"))
        #expect(try refusal([source("a", shape: [-1])]).contains("[-1] is not a valid shape"))
        #expect(try refusal([source("a")], shared: ["b": "c"]).contains("no tensor 'c'"))
    }

    @Test func damagedElementsAreFoundWhenTheyAreRead() throws {
        var bytes = try Array(Data(contentsOf: torchFixture("ordered.pth")))
        let needle = withUnsafeBytes(of: Float(1.25)) { Array($0) }
        let place = try #require(bytes.indices.first { Array(bytes[$0...].prefix(4)) == needle })
        bytes[place] ^= 1
        let folder = try TemporaryFolder()
        let file = try TorchFile(contentsOf: folder.write(bytes, as: "x.pth"))
        let error: TorchFileError? = thrown { _ = try file.tensor("a") }
        #expect(error?.description.contains("checksum") == true)
    }

    @Test func theChecksumIsTheOneOfZip() {
        func sum(_ text: String) -> UInt32 { Array(text.utf8).withUnsafeBytes(CRC32.of) }
        // The check value of the CRC catalogue, and the empty one.
        #expect(sum("123456789") == 0xCBF4_3926)
        #expect(sum("") == 0)
        // By bytes and by eights alike.
        let long = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) }
        var pieces = CRC32()
        for byte in long { [byte].withUnsafeBytes { pieces.append($0) } }
        #expect(long.withUnsafeBytes(CRC32.of) == pieces.value)
    }
}
