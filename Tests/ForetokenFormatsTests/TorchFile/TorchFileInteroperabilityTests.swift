import ForetokenFormats
import Foundation
import TestSupport
import Testing
import Torch

/// Files written here load in PyTorch with the safe loader, and the other way round, also beyond 4 GiB.
///
/// Opt-in: FORETOKEN_PYTHON names a Python with torch; FORETOKEN_LARGE=1 also writes two files of 4.5 GB.
struct TorchFileInteroperabilityTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let python = environment["FORETOKEN_PYTHON"]
    private static let largeCount = 4_400_000_000

    /// Runs Python on a file and gives what it prints.
    private func run(_ script: String, _ file: URL) throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: try #require(Self.python))
        process.arguments = ["-c", script, file.path]
        process.standardOutput = output
        try process.run()
        let printed = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return String(decoding: printed, as: UTF8.self)
    }

    @Test(.enabled(if: python != nil, "set FORETOKEN_PYTHON to a Python with torch"))
    func torchLoadsEveryElementTypeAndShape() throws {
        let folder = try TemporaryFolder()
        let url = folder.file("out.pth")
        let tensors: [(String, Tensor)] = [
            ("f32", Tensor([Float(1.5), -2, 3, 4], shape: [2, 2])), ("f64", Tensor([0.25])),
            ("i64", Tensor([Int64(1) << 40])), ("u8", Tensor([UInt8(7), 8])), ("bool", Tensor([true, false])),
            ("f16", Tensor([Float(1.5)]).to(.float16)), ("bf16", Tensor([Float(1.5)]).to(.bfloat16)),
            ("scalar", Tensor([Float(2.5)], shape: [])), ("empty", try .zeros([0, 3])), ("ключ", Tensor([Int32(3)])),
        ]
        try TorchFileWriter.write(
            to: url, tensors: tensors.map { SafetensorsSource(name: $0.0, tensor: $0.1) }, shared: ["also f32": "f32"])
        let script = """
            import sys, torch, zipfile
            assert zipfile.ZipFile(sys.argv[1]).testzip() is None
            for mmap in (False, True):
                loaded = torch.load(sys.argv[1], weights_only=True, mmap=mmap)
                assert loaded["also f32"].data_ptr() == loaded["f32"].data_ptr()
                print([(k, str(t.dtype)[6:], list(t.shape), t.double().flatten().tolist()) for k, t in loaded.items()])
            """
        let lines = try run(script, url).split(separator: "\n")
        #expect(lines.count == 2 && lines[0] == lines[1])
        let expected = (tensors + [("also f32", tensors[0].1)]).map { name, tensor in
            "('\(name)', '\(tensor.dtype)', \(tensor.shape), \(tensor.to(.float64).elements(as: Double.self)))"
        }
        #expect(String(lines[0]) == "[" + expected.joined(separator: ", ") + "]")
    }

    @Test(.enabled(if: python != nil && environment["FORETOKEN_LARGE"] == "1", "set FORETOKEN_LARGE=1 for large files"))
    func recordsBeyondFourGibibytesGoBothWays() throws {
        let folder = try TemporaryFolder()
        let url = folder.file("large.pth")
        let write = """
            import sys, torch
            big = torch.zeros(\(Self.largeCount), dtype=torch.uint8); big[0] = 1; big[-1] = 2
            torch.save({"big": big, "empty": torch.empty(0), "after": torch.tensor([3.0])}, sys.argv[1])
            """
        _ = try run(write, url)
        func ends(_ file: TorchFile) throws -> [UInt8] {
            try file.withBytes(of: "big") { [UInt8($0.count == Self.largeCount ? 9 : 0), $0[0], $0[$0.count - 1]] }
        }
        let theirs = try TorchFile(contentsOf: url)
        #expect(try ends(theirs) == [9, 1, 2])
        #expect(try theirs.tensor("after").elements(as: Float.self) == [3])

        let pieceCount = 50_000_000
        let big = SafetensorsSource(name: "big", dtype: .uint8, shape: [Self.largeCount]) { write in
            var piece = [UInt8](repeating: 0, count: pieceCount)
            for index in 0..<(Self.largeCount / pieceCount) {
                piece[0] = index == 0 ? 1 : 0
                piece[pieceCount - 1] = index == Self.largeCount / pieceCount - 1 ? 2 : 0
                try piece.withUnsafeBytes(write)
            }
        }
        try TorchFileWriter.write(
            to: url, tensors: [big, SafetensorsSource(name: "after", tensor: Tensor([Float(3)]))])
        #expect(try ends(TorchFile(contentsOf: url)) == [9, 1, 2])
        let read = """
            import sys, torch
            loaded = torch.load(sys.argv[1], weights_only=True, mmap=True)
            print(list(loaded["big"].shape), loaded["big"][0].item(), loaded["big"][-1].item(), loaded["after"].item())
            """
        #expect(try run(read, url) == "[\(Self.largeCount)] 1 2 3.0\n")
    }
}
