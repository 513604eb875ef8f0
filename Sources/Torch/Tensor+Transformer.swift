internal import CTorch

extension Tensor {
    /// Matrix product of the last two axes; leading axes broadcast.
    public func matrixProduct(_ other: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        binary(other, file, line, ct_matmul)
    }

    /// `self` [..., in] times the transpose of `weight` [out, in], plus `bias` [out]: [..., out].
    public func linear(
        _ weight: Tensor, bias: Tensor? = nil, file: StaticString = #fileID, line: UInt = #line
    ) -> Tensor {
        if let bias {
            return checked(
                call { x in weight.call { w in bias.call { b in ct_linear(x, w, b) } } }, file, line)
        }
        return binary(weight, file, line) { ct_linear($0, $1, nil) }
    }

    /// Rows of this table [V, D] by int64 index [...]: [..., D].
    public func rows(at indices: Tensor, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        binary(indices, file, line, ct_embedding)
    }
}

// In place, and never recorded: for optimizer state, weights and gradients.
extension Tensor {
    /// Overwrites the elements with another tensor's, converted to this type and device.
    public func assign(_ other: Tensor, file: StaticString = #fileID, line: UInt = #line) {
        check(call { to in other.call { ct_copy_(to, $0) } }, file, line)
    }

    /// Draws every element uniformly from ±`bound` with the device's own generator, outside autograd.
    public func fillUniform(bound: Double, file: StaticString = #fileID, line: UInt = #line) {
        check(call { ct_uniform_($0, bound) }, file, line)
    }

    /// Overwrites the elements with zeros.
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
