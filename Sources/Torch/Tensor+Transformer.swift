internal import CTorch

extension Tensor {
    /// Matrix multiplication over the last two axes; leading axes broadcast.
    public func matmul(_ other: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        binary(other, file, line, ct_matmul)
    }

    /// `self` [..., in] · `weight`ᵀ + `bias`, with `weight` [out, in] and `bias` [out]: [..., out].
    public func linear(
        _ weight: Tensor, bias: Tensor? = nil, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        if let bias {
            return checked(
                call { x in weight.call { w in bias.call { b in ct_linear(x, w, b) } } }, file, line)
        }
        return binary(weight, file, line) { ct_linear($0, $1, nil) }
    }

    /// Embedding lookup: rows of this table [V, D] at int64 indices [...]: [..., D].
    public func rows(at indices: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        binary(indices, file, line, ct_embedding)
    }
}

// In-place operations outside autograd, for optimizer state, weights and gradients.
extension Tensor {
    /// Copies another tensor's elements into this one, converted to its type and device.
    public func assign(_ other: Tensor, file: StaticString = #fileID, line: UInt = #line) {
        check(call { to in other.call { ct_copy_(to, $0) } }, file, line)
    }

    /// Draws every element uniformly from [−`bound`, `bound`) with the device's default generator.
    public func fillUniform(bound: Double, file: StaticString = #fileID, line: UInt = #line) {
        check(call { ct_uniform_($0, bound) }, file, line)
    }

    /// Sets all elements to zero.
    public func zero(file: StaticString = #fileID, line: UInt = #line) {
        check(call { ct_zero_($0) }, file, line)
    }

    /// Multiplies every element by a number.
    public func scale(by factor: Double, file: StaticString = #fileID, line: UInt = #line) {
        check(call { ct_mul_scalar_($0, factor) }, file, line)
    }

    /// Adds `factor` times another tensor.
    public func add(
        _ other: Tensor, times factor: Double = 1, file: StaticString = #fileID, line: UInt = #line
    ) {
        check(call { to in other.call { ct_add_(to, $0, factor) } }, file, line)
    }
}
