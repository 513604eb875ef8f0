internal import CTorch

extension Tensor {
    /// The sum of all elements: a scalar.
    public func sum(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        checked(call { ct_sum($0) }, file, line)
    }

    /// The largest element: a scalar.
    public func max(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        checked(call { ct_max($0) }, file, line)
    }

    /// Whether all elements of a bool tensor are true: a scalar.
    public func all(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        checked(call { ct_all($0) }, file, line)
    }

    /// The sum along an axis, which is kept with size 1 if `keepingAxis`.
    public func sum(axis: Int, keepingAxis: Bool = false, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        checked(call { ct_sum_axis($0, Int64(axis), keepingAxis) }, file, line)
    }

    /// The mean along an axis, which is kept with size 1 if `keepingAxis`.
    public func mean(axis: Int, keepingAxis: Bool = false, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        checked(call { ct_mean_axis($0, Int64(axis), keepingAxis) }, file, line)
    }

    /// The index (int64) of the largest element along an axis.
    public func argmax(axis: Int, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        checked(call { ct_argmax($0, Int64(axis)) }, file, line)
    }

    /// The `count` largest elements along an axis, largest first, and their indices (int64).
    public func top(
        _ count: Int, axis: Int, file: StaticString = #fileID, line: UInt = #line
    ) -> (values: Tensor, indices: Tensor) {
        var (values, indices): (ct_tensor?, ct_tensor?)
        check(call { ct_top($0, Int64(count), Int64(axis), &values, &indices) }, file, line)
        return (checked(values, file, line), checked(indices, file, line))
    }

    /// The cumulative product along an axis.
    public func cumulativeProduct(axis: Int, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        checked(call { ct_cumulative_product($0, Int64(axis)) }, file, line)
    }

    /// Softmax along an axis.
    public func softmax(axis: Int, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        checked(call { ct_softmax($0, Int64(axis)) }, file, line)
    }

    /// The logarithm of the softmax along an axis.
    public func logSoftmax(axis: Int, file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        checked(call { ct_log_softmax($0, Int64(axis)) }, file, line)
    }
}
