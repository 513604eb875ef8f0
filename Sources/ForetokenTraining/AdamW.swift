public import ForetokenModel
import Foundation
public import Torch

/// AdamW with decay on matrices only; its state is kept by parameter name.
public final class AdamW {
    /// β₁ and β₂.
    public let betas: (Double, Double)
    /// ε.
    public let epsilon: Double
    /// The decoupled decay of matrices.
    public let decay: Double
    /// Steps taken.
    public private(set) var step = 0
    private let parameters: [Parameter]
    private let first: [Tensor]
    private let second: [Tensor]

    /// An optimizer whose state is zero.
    ///
    /// - Throws: `TorchError.outOfMemory`.
    public init(_ parameters: [Parameter], betas: (Double, Double), epsilon: Double, decay: Double) throws {
        self.betas = betas
        self.epsilon = epsilon
        self.decay = decay
        self.parameters = parameters
        func zeros() throws -> [Tensor] {
            try parameters.map { try .zeros($0.tensor.shape, dtype: $0.tensor.dtype, device: $0.tensor.device) }
        }
        first = try zeros()
        second = try zeros()
    }

    /// Updates every parameter by its gradient, counted `scale` times; a parameter without a gradient is an error of the
    /// program and traps.
    public func update(rate: Double, scale: Double = 1) {
        step += 1
        let gradients = parameters.map { parameter in
            guard let gradient = parameter.tensor.gradient else {
                preconditionFailure("parameter \(parameter.name) has no gradient")
            }
            return gradient
        }
        adamWStep(
            parameters: parameters.map(\.tensor), gradients: gradients, first: first, second: second,
            decays: parameters.map { $0.decays ? decay : 0 }, step: step, scale: scale, rate: rate, betas: betas,
            epsilon: epsilon)
    }

    /// Frees all gradients.
    public func clearGradients() {
        for parameter in parameters { parameter.tensor.gradient = nil }
    }

    /// Forgets all steps.
    public func reset() {
        step = 0
        for tensor in first + second { tensor.zero() }
    }

    /// The state as named tensors: `first.NAME` and `second.NAME`.
    public var state: [(name: String, tensor: Tensor)] {
        parameters.indices.flatMap { index in
            [("first.\(parameters[index].name)", first[index]), ("second.\(parameters[index].name)", second[index])]
        }
    }

    /// Takes over the state of a file.
    ///
    /// - Throws: ``ModelError`` if a tensor is missing, unknown or misshapen; `SafetensorsError` for a broken file.
    public func restore(_ file: SafetensorsFile, step: Int) throws {
        let state = state
        let known = Set(state.map(\.name))
        let path = file.url.relativePath
        if let unknown = file.names.first(where: { !known.contains($0) }) {
            throw ModelError.unknownTensor(file: path, tensor: unknown)
        }
        for (name, tensor) in state {
            guard let entry = file.tensors[name] else { throw ModelError.missingTensor(file: path, tensor: name) }
            guard entry.shape == tensor.shape else {
                throw ModelError.wrongShape(file: path, tensor: name, found: entry.shape, expected: tensor.shape)
            }
            tensor.assign(try file.tensor(name))
        }
        self.step = step
    }
}
