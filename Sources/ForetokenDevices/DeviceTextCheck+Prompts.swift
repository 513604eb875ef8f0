import ForetokenModel
import ForetokenText
public import Foundation
public import Torch

extension DeviceTextCheck {
    /// Beginnings of Python code.
    private static let prompts = ["import os\n\n\ndef ", "class ", "for i in range(", "# The ", "    return "]
    private static let maximumTokens = 60

    /// Decodes five prompts of Python code with a run's or a folder's model; parameters as those of
    /// ``init(_:tokenizer:prompts:maximumTokens:device:isExact:usesGraphs:)``.
    ///
    /// - Throws: `ModelError`, `DecodingError`, `TorchError`.
    public init(model folder: URL, device: Device, isExact: Bool, usesGraphs: Bool = false) throws {
        let folder = try ModelFolder.locate(folder)
        let source = try ModelFolder.source(folder)
        let tokenizer = try ModelFolder.tokenizer(in: folder, of: source.configuration)
        try self.init(
            source, tokenizer: tokenizer, prompts: Self.prompts.map { source.configuration.tokens(of: $0, tokenizer) },
            maximumTokens: Self.maximumTokens, device: device, isExact: isExact, usesGraphs: usesGraphs)
    }
}
