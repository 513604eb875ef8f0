import ForetokenFormats
import ForetokenPlatform

/// A model folder of Foretoken's or Hugging Face's: memory-mapped safetensors, checked against the configuration when opened.
struct FolderSource: WeightSource {
    let configuration: ModelConfiguration
    let notes: [String]
    let companions: [CompanionFile]
    let folder: URL
    private let llama: SafetensorsCheckpoint
    /// Our heads 2…n; nil in another program's checkpoint.
    private let heads: SafetensorsFile?

    init(_ folder: URL) throws {
        let (configuration, isOurs, notes) = try ModelFolder.readFolder(folder)
        self.folder = folder
        self.configuration = configuration
        self.notes = notes
        companions = try ModelFolder.companions(in: folder)
        llama = try SafetensorsCheckpoint(folder: folder)
        for file in llama.files { try FolderLinks.check(file.url, in: folder) }
        let extras = folder.appendingPathComponent(ModelFolder.extrasFolder)
        heads = isOurs ? try SafetensorsFile(contentsOf: extras.appendingPathComponent(ModelFolder.headsName)) : nil
        try check()
    }

    var file: String { folder.relativePath }

    func weight(_ parameter: String) throws -> StoredWeight {
        let (file, name) = (try weightFile(of: parameter), tensor(of: parameter))
        let entry = try file.entry(name)
        guard let format = DType(entry.dtype).flatMap(StorageFormat.init) else {
            throw ModelError.wrongType(file: file.url.relativePath, tensor: name, found: entry.dtype.rawValue)
        }
        return StoredWeight(shape: entry.shape, format: format)
    }

    func withBytes<Result>(
        of parameter: String, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        try weightFile(of: parameter).withBytes(of: tensor(of: parameter), body)
    }

    private func weightFile(of parameter: String) throws -> SafetensorsFile {
        if let heads, parameter.hasPrefix("heads.") { return heads }
        return try llama.file(of: tensor(of: parameter))
    }

    /// The name of a parameter's tensor.
    private func tensor(of parameter: String) -> String {
        heads == nil ? MTPLayer.tensor(of: parameter) : parameter
    }

    private func check() throws {
        let weights = folder.relativePath + "/model.safetensors"
        let names = llama.names + (heads?.names ?? [])
        // Before allocating anything in proportion to the number of layers.
        guard configuration.layers <= names.count else {
            throw ModelError.disagreement(
                file: folder.relativePath + "/config.json", key: "num_hidden_layers",
                found: String(configuration.layers),
                expected: "fewer than the \(names.count) tensors")
        }
        let parameters = try ModelOutline(configuration).parameters
        func isExtra(_ parameter: ParameterOutline) -> Bool { heads != nil && ModelFolder.isExtra(parameter) }
        let known = Dictionary(uniqueKeysWithValues: parameters.map { (tensor(of: $0.name), isExtra($0)) })
        for name in llama.names where known[name] != false {
            guard try heads == nil && isRedundant(name) else {
                throw ModelError.unknownTensor(file: weights, tensor: name)
            }
        }
        if let heads {
            for name in heads.names where known[name] != true {
                throw ModelError.unknownTensor(file: heads.url.relativePath, tensor: name)
            }
        }
        for parameter in parameters {
            let (name, isExtra) = (tensor(of: parameter.name), isExtra(parameter))
            guard isExtra ? heads?.tensors[name] != nil : llama.contains(name) else {
                throw ModelError.missingTensor(
                    file: isExtra ? heads?.url.relativePath ?? weights : weights, tensor: name)
            }
            let file = try weightFile(of: parameter.name)
            let shape = try weight(parameter.name).shape
            guard shape == parameter.shape else {
                throw ModelError.wrongShape(
                    file: file.url.relativePath, tensor: name, found: shape, expected: parameter.shape)
            }
        }
    }

    /// Whether a tensor of another program's checkpoint is redundant: the rotary frequencies in old checkpoints, or the
    /// unembedding of a model with tied embeddings, if it equals the embedding.
    private func isRedundant(_ name: String) throws -> Bool {
        if name.hasSuffix("rotary_emb.inv_freq") { return configuration.ropeScaling == nil }
        guard name == "lm_head.weight", configuration.tieEmbeddings, llama.contains("model.embed_tokens.weight") else {
            return false
        }
        let (copy, original) = (try llama.entry(name), try llama.entry("model.embed_tokens.weight"))
        guard copy.dtype == original.dtype, copy.shape == original.shape else { return false }
        return try llama.withBytes(of: name) { copy in
            try llama.withBytes(of: "model.embed_tokens.weight") { copy.elementsEqual($0) }
        }
    }
}
