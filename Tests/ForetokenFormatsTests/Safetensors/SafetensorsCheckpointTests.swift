import ForetokenFiles
import Foundation
import TestSupport
import Testing

@testable import ForetokenFormats

struct SafetensorsCheckpointTests {
    private func source(_ name: String, _ count: Int, value: UInt8 = 1) -> SafetensorsSource {
        SafetensorsSource(name: name, dtype: .uint8, shape: [count], bytes: [UInt8](repeating: value, count: count))
    }

    private func error(_ folder: TemporaryFolder) -> SafetensorsError? {
        thrown { _ = try SafetensorsCheckpoint(folder: folder.url) }
    }

    private func writeIndex(_ text: String, in folder: TemporaryFolder) throws {
        _ = try folder.write(Array(text.utf8), as: "model.safetensors.index.json")
    }

    @Test(arguments: 1...30)
    func readsBackWhatItSplit(shardSize: Int) throws {
        let folder = try TemporaryFolder()
        let sizes = [5, 3, 0, 8, 1, 1, 1, 9, 0, 2]
        let sources = sizes.enumerated().map { source("t\($0)", $1, value: UInt8($0)) }
        let urls = try SafetensorsCheckpoint.write(
            to: folder.url, tensors: sources, metadata: ["format": "pt"], shardSize: shardSize)
        #expect(try folder.contents() == urls.map(\.lastPathComponent).sorted())
        let checkpoint = try SafetensorsCheckpoint(folder: folder.url)
        #expect(checkpoint.names == sources.map(\.name))
        #expect(checkpoint.byteCount == 30)
        for (index, size) in sizes.enumerated() {
            #expect(try checkpoint.entry("t\(index)").shape == [size])
            #expect(
                try checkpoint.withBytes(of: "t\(index)") { Array($0) } == [UInt8](repeating: UInt8(index), count: size)
            )
        }
        for file in checkpoint.files {
            #expect(file.byteCount <= shardSize || file.tensors.values.count { $0.byteCount > 0 } == 1)
            #expect(file.metadata == ["format": "pt"])
        }
        #expect((checkpoint.files.count == 1) == (shardSize >= 30))
        #expect(checkpoint.declaredByteCount == (shardSize >= 30 ? nil : 30))
    }

    @Test func splitsGreedilyInOrder() {
        #expect(SafetensorsCheckpoint.split([], shardSize: 5) == [0..<0])
        #expect(SafetensorsCheckpoint.split([9], shardSize: 5) == [0..<1])
        #expect(SafetensorsCheckpoint.split([2, 3, 1, 9, 5, 0], shardSize: 5) == [0..<2, 2..<3, 3..<4, 4..<6])
        #expect(SafetensorsCheckpoint.split([.max, 1], shardSize: .max) == [0..<1, 1..<2])
    }

    @Test func refusesToMixWithAnEarlierCheckpoint() throws {
        let folder = try TemporaryFolder()
        let two = [source("a", 5), source("b", 5)]
        try SafetensorsCheckpoint.write(to: folder.url, tensors: two)
        // A single file over a single file is whole at every instant.
        try SafetensorsCheckpoint.write(to: folder.url, tensors: [source("c", 1)])
        #expect(try SafetensorsCheckpoint(folder: folder.url).names == ["c"])
        #expect(throws: SafetensorsError.folderOccupied(folder: folder.url.relativePath, file: "model.safetensors")) {
            try SafetensorsCheckpoint.write(to: folder.url, tensors: two, shardSize: 5)
        }
        try FileManager.default.removeItem(at: folder.file())
        try SafetensorsCheckpoint.write(to: folder.url, tensors: two, shardSize: 5)
        let shard = "model-00001-of-00002.safetensors"
        #expect(throws: SafetensorsError.folderOccupied(folder: folder.url.relativePath, file: shard)) {
            try SafetensorsCheckpoint.write(to: folder.url, tensors: two)
        }
    }

    @Test func leavesNothingBehindWhenAShardFails() throws {
        let folder = try TemporaryFolder()
        let bad = SafetensorsSource(name: "b", dtype: .uint8, shape: [5], bytes: [UInt8](repeating: 0, count: 4))
        #expect(throws: SafetensorsError.self) {
            try SafetensorsCheckpoint.write(to: folder.url, tensors: [source("a", 5), bad], shardSize: 5)
        }
        #expect(try folder.contents() == [])
        #expect(throws: SafetensorsError.invalidShardSize(0)) {
            try SafetensorsCheckpoint.write(to: folder.url, tensors: [], shardSize: 0)
        }
    }

    @Test func refusesAnEmptyFolderAndAnAmbiguousOne() throws {
        let folder = try TemporaryFolder()
        let index = "model.safetensors.index.json"
        #expect(
            error(folder) == .noCheckpoint(folder: folder.url.relativePath, file: "model.safetensors", index: index))
        try SafetensorsWriter.write(to: folder.file(), tensors: [source("a", 1)])
        try writeIndex(#"{"weight_map":{}}"#, in: folder)
        #expect(
            error(folder)
                == .ambiguousCheckpoint(folder: folder.url.relativePath, file: "model.safetensors", index: index))
        #expect(try SafetensorsCheckpoint(contentsOf: folder.file()).names == ["a"])
    }

    @Test(arguments: [
        "../a.safetensors", "/etc/passwd", "", ".", "..", "sub/a.safetensors", "a\\\\b", "a\\u0000b",
    ])
    func refusesShardsThatAreNotPlainFileNames(shard: String) throws {
        let folder = try TemporaryFolder()
        try writeIndex(#"{"weight_map":{"a":"\#(shard)"}}"#, in: folder)
        guard case .invalidShardName(_, "a", _) = error(folder) else {
            Issue.record("\(String(describing: error(folder)))")
            return
        }
    }

    @Test func namesAMissingShardAndATensorInTheWrongPlace() throws {
        let folder = try TemporaryFolder()
        let index = folder.file("model.safetensors.index.json").relativePath
        try SafetensorsWriter.write(to: folder.file("1"), tensors: [source("a", 1), source("b", 1)])
        try SafetensorsWriter.write(to: folder.file("2"), tensors: [source("b", 1)])

        try writeIndex(#"{"weight_map":{"a":"1","b":"1","c":"3"}}"#, in: folder)
        #expect(error(folder) == .missingShard(index: index, shard: "3", tensor: "c"))
        try writeIndex(#"{"weight_map":{"a":"1","b":"1","c":"1"}}"#, in: folder)
        #expect(error(folder) == .tensorNotInShard(index: index, shard: "1", tensor: "c"))
        try writeIndex(#"{"weight_map":{"a":"1"}}"#, in: folder)
        #expect(error(folder) == .tensorNotInIndex(index: index, shard: "1", tensor: "b", listedIn: nil))
        // b lies in both shards; the index can name only one of them.
        try writeIndex(#"{"weight_map":{"a":"1","b":"2"}}"#, in: folder)
        #expect(error(folder) == .tensorNotInIndex(index: index, shard: "1", tensor: "b", listedIn: "2"))
        try writeIndex(#"{"metadata":null,"weight_map":{"a":"1","b":"1"}}"#, in: folder)
        #expect(try SafetensorsCheckpoint(folder: folder.url).names == ["a", "b"])
    }

    @Test(arguments: [
        ("{}", "weight_map: missing; expected an object"),
        ("[]", "expected an object, found an array"),
        (#"{"weight_map":[]}"#, "weight_map: expected an object, found an array"),
        (#"{"weight_map":{"a":5}}"#, "weight_map.a: expected a string, found an integer"),
        (#"{"weight_map":{"a":"1","a":"1"}}"#, "the key 'a' appears twice"),
        (#"{"weight_map":{},"metadata":{"total_size":-1}}"#, "metadata.total_size: -1 is out of range"),
        (#"{"weight_map":{},"metadata":{"total_size":0.5}}"#, "expected an integer, found the number 0.5"),
        ("{", "index.json:1:2: not valid JSON"),
        ("", "not valid JSON"),
    ])
    func saysWhatIsWrongInAnIndex(text: String, sentence: String) throws {
        let folder = try TemporaryFolder()
        try writeIndex(text, in: folder)
        let error = thrown(JSONError.self) { _ = try SafetensorsCheckpoint(folder: folder.url) }
        #expect(error?.description.contains(sentence) == true, "\(String(describing: error))")
        #expect(error?.description.contains("model.safetensors.index.json") == true)
    }

    @Test func readsATotalSizeWrittenAsAFloat() throws {
        let folder = try TemporaryFolder()
        try SafetensorsWriter.write(to: folder.file("1"), tensors: [source("a", 1)])
        try writeIndex(#"{"weight_map":{"a":"1"},"metadata":{"total_size":14483464192.0}}"#, in: folder)
        #expect(try SafetensorsCheckpoint(folder: folder.url).declaredByteCount == 14_483_464_192)
    }

    @Test func namesATensorThatIsNotThere() throws {
        let checkpoint = try SafetensorsCheckpoint(folder: safetensorsFixture("sharded"))
        #expect(!checkpoint.contains("none"))
        #expect(checkpoint.contains("lm_head.weight"))
        #expect(throws: SafetensorsError.noSuchTensor(file: checkpoint.folder.relativePath, tensor: "none")) {
            try checkpoint.entry("none")
        }
    }
}
