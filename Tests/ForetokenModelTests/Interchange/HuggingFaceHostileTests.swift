import ForetokenFiles
import ForetokenModel
import Foundation
import Testing
import Torch

/// Opening any folder gives a model or an error, quickly and with little memory.
@Suite struct HuggingFaceHostileTests {
    private let fixture = HuggingFaceFixture(name: "llama-3")

    private func names(_ folder: URL) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { !$0.hasPrefix("expected") }.sorted()
    }

    @Test func truncatedFilesAreRefused() throws {
        let scratch = try Scratch()
        let folder = try fixture.copy(to: scratch)
        for name in try names(folder) {
            let file = folder.appendingPathComponent(name)
            let whole = try Data(contentsOf: file)
            for tenth in 0..<10 {
                try whole.prefix(whole.count * tenth / 10).write(to: file)
                let text = sentence("\(name) \(tenth)") { _ = try ModelFolder.source(folder) }
                #expect(text.contains(name))
            }
            try FileManager.default.removeItem(at: file)
            #expect(throws: (any Error).self, "\(name)") { try ModelFolder.source(folder) }
            try whole.write(to: file)
        }
        #expect(throws: Never.self) { try ModelFolder.source(folder) }
    }

    @Test func randomBytesAreRefused() throws {
        let scratch = try Scratch()
        let folder = try fixture.copy(to: scratch)
        var generator = Seeded(state: 1)
        for name in try names(folder) {
            let file = folder.appendingPathComponent(name)
            let whole = try Data(contentsOf: file)
            for size in [1, 7, 8, 9, 100, 5000] {
                try Data((0..<size).map { _ in UInt8.random(in: 0...255, using: &generator) }).write(to: file)
                #expect(throws: (any Error).self, "\(name) of \(size)") { try ModelFolder.source(folder) }
            }
            try whole.write(to: file)
        }
    }

    @Test func hugeDeclaredSizesTakeNoMemory() throws {
        let scratch = try Scratch()
        let folder = try fixture.copy(to: scratch)
        let config = folder.appendingPathComponent("config.json")
        let whole = try Data(contentsOf: config)
        let before = Memory.read().current
        Memory.resetPeak()
        for key in [
            "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
            "num_key_value_heads", "head_dim", "max_position_embeddings",
        ] {
            for value: JSONValue in [.integer(1 << 24), .integer(1 << 62), -1, 0, 1.5, .number(1e30), "4", [4], true] {
                // Any context up to a limit is as good as another: no tensor depends on it.
                if key == "max_position_embeddings", value == .integer(1 << 24) { continue }
                try edit(config) { $0[key] = value }
                #expect(throws: (any Error).self, "\(key) \(value)") { try ModelFolder.source(folder) }
                try whole.write(to: config)
            }
        }
        #expect(Memory.read().peak - before < 1 << 20)
    }

    @Test func anIndexCannotNameFilesOutsideItsFolder() throws {
        let scratch = try Scratch()
        let folder = try fixture.copy(to: scratch)
        let index = folder.appendingPathComponent("model.safetensors.index.json")
        let whole = try Data(contentsOf: index)
        for name in [
            "../model-00001-of-00002.safetensors", "/etc/passwd", "..", ".", "", "a/b.safetensors", "a\\b", "x\0y",
        ] {
            try edit(index) { object in
                guard case .object(var map) = object["weight_map"] else { return }
                map["model.norm.weight"] = .string(name)
                object["weight_map"] = .object(map)
            }
            let text = sentence("\(name)") { _ = try ModelFolder.source(folder) }
            #expect(text.contains("model.safetensors.index.json"), "\(text)")
            try whole.write(to: index)
        }
    }

    /// A thousand inputs and a few, the same everywhere; FORETOKEN_FUZZ_SECONDS makes as many as that time allows.
    @Test func mutatedConfigurationsEndInAModelOrAnError() throws {
        let scratch = try Scratch()
        let seconds = ProcessInfo.processInfo.environment["FORETOKEN_FUZZ_SECONDS"].flatMap(Double.init)
        var generator = Seeded(state: 7)
        var (read, refused) = (0, 0)
        let before = Memory.read().current
        Memory.resetPeak()
        let clock = ContinuousClock()
        let begin = clock.now
        var slowest = Duration.zero
        while seconds.map({ clock.now - begin < .seconds($0) }) ?? (read + refused < 1000) {
            let fixture = HuggingFaceFixture.all.randomElement(using: &generator) ?? self.fixture
            let folder = try fixture.copy(to: scratch)
            defer { try? FileManager.default.removeItem(at: folder) }
            for name in try names(folder) where name.hasSuffix(".json") {
                let file = folder.appendingPathComponent(name)
                let whole = try Data(contentsOf: file)
                for _ in 0..<20 {
                    var bytes = whole
                    for _ in 0..<Int.random(in: 1...3, using: &generator) {
                        let position = Int.random(in: 0..<bytes.count, using: &generator)
                        switch Int.random(in: 0..<4, using: &generator) {
                        case 0: bytes[position] = UInt8.random(in: 0...255, using: &generator)
                        case 1: bytes.insert(UInt8(ascii: "9"), at: position)
                        case 2: bytes.remove(at: position)
                        default: bytes.replaceSubrange(position..<position, with: bytes[position...].prefix(8))
                        }
                    }
                    try bytes.write(to: file)
                    let start = clock.now
                    do {
                        _ = try ModelFolder.source(folder)
                        read += 1
                    } catch {
                        refused += 1
                        #expect("\(error)".count < 2000)
                    }
                    slowest = max(slowest, clock.now - start)
                }
                try whole.write(to: file)
            }
        }
        if seconds != nil { print("\(read) read, \(refused) refused, slowest \(slowest)") }
        #expect(read > 0 && refused > 0)
        // Wall-clock time, file system included: what depends on a declared size or never ends takes longer than ten seconds.
        #expect(slowest < .seconds(10))
        #expect(Memory.read().peak - before < 1 << 20)
    }
}
