// The contract of an op, over the whole catalogue: each test runs on every op's examples and on odd sizes.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "core/error.h"
#include "core/threads.h"
#include "tests/gradient_check.h"
#include "tests/op_cases.h"
#include "tests/rounding_bounds.h"

namespace vitro {
namespace {

using namespace test;

class Contract : public ::testing::TestWithParam<const Op*> {
protected:
  const Op& op() const { return *GetParam(); }
};

// Each part of the contract runs on the ops that it is about.
class Vectorised : public Contract {};
class PreparedOps : public Contract {};
class Differentiable : public Contract {};
class Flat : public Contract {};

template <class Keep> std::vector<const Op*> ops(Keep keep) {
  std::vector<const Op*> out;
  for (const Op* op : catalogue())
    if (keep(*op)) out.push_back(op);
  return out;
}
std::string name_of(const ::testing::TestParamInfo<const Op*>& info) { return info.param->name; }

INSTANTIATE_TEST_SUITE_P(Op, Contract, ::testing::ValuesIn(ops([](const Op&) { return true; })), name_of);
INSTANTIATE_TEST_SUITE_P(Op, Vectorised, ::testing::ValuesIn(ops([](const Op& op) { return bool(op.vector); })),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Op, PreparedOps, ::testing::ValuesIn(ops([](const Op& op) { return bool(op.prepare); })),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Op, Differentiable,
                         ::testing::ValuesIn(ops([](const Op& op) { return !op.is(constant_slope); })), name_of);
INSTANTIATE_TEST_SUITE_P(Op, Flat, ::testing::ValuesIn(ops([](const Op& op) { return op.is(constant_slope); })),
                         name_of);

std::vector<Type> types_of(const std::vector<Tensor>& in) {
  std::vector<Type> out;
  for (const Tensor& x : in) out.push_back(x.type());
  return out;
}

Build builder(const OpCase& one) {
  return [&one](const std::vector<Var>& xs) {
    return append(xs[0].graph(), *one.op, xs, one.attrs, std::source_location::current());
  };
}

std::vector<Tensor> oracle(const OpCase& one, const std::vector<Tensor>& in) { return plainly(*one.op, one.attrs, in); }

TEST(Catalogue, HoldsEveryOpThatIsDeclared) {
  std::ifstream file(VITRO_SOURCE_DIR "/src/ops/catalogue.h");
  std::stringstream content;
  content << file.rdbuf();
  const std::string header = content.str();
  std::set<std::string> declared, listed;
  const std::regex statement("extern const Op ([^;]*);"), word("(\\w+)_op\\b");
  for (std::sregex_iterator at(header.begin(), header.end(), statement), end; at != end; ++at) {
    const std::string names = (*at)[1];
    for (std::sregex_iterator name(names.begin(), names.end(), word); name != end; ++name) declared.insert((*name)[1]);
  }
  for (const Op* op : catalogue()) {
    EXPECT_TRUE(listed.insert(op->name).second) << op->name << " is listed twice";
    EXPECT_EQ(find_op(op->name), op);
  }
  EXPECT_EQ(declared, listed);
  EXPECT_EQ(find_op("no such op"), nullptr);
}

TEST_P(Contract, IsDocumented) {
  const auto filled = [](const char* text) { return text && *text; };
  EXPECT_TRUE(filled(op().name));
  EXPECT_TRUE(filled(op().formula));
  EXPECT_EQ(std::string(op().formula).rfind("y = ", 0), 0u) << op().formula;
  ASSERT_TRUE(filled(op().doc));
  EXPECT_EQ(std::string(op().doc).back(), '.') << op().doc;
  EXPECT_FALSE(op().args.empty());
  EXPECT_FALSE(op().examples.empty());
  const bool open = std::string(op().args.back()) == "...";
  ASSERT_EQ(op().rules.size(), op().args.size() - open) << "a rule for every input";
  for (size_t i = 0; i < op().rules.size(); ++i)
    EXPECT_EQ(std::string(op().rules[i]).rfind(text("d", op().args[i], " = "), 0), 0u) << op().rules[i];
  std::set<std::string> names;
  for (const AttrSpec& attr : op().attrs) {
    EXPECT_TRUE(filled(attr.name) && filled(attr.doc)) << attr.name;
    EXPECT_TRUE(names.insert(attr.name).second);
  }
  for (const char* param : op().vector_params) EXPECT_TRUE(names.contains(param)) << param;
}

TEST_P(Contract, IsWholeAndConsistent) {
  EXPECT_TRUE(op().infer);
  EXPECT_TRUE(op().plain || op().expand) << "an oracle for whatever is fast";
  EXPECT_NE(bool(op().grad), op().is(constant_slope)) << "a derivative, or the word that there is none";
  if (op().vector) {
    EXPECT_TRUE(op().is(pointwise));
    EXPECT_TRUE(op().plain);
  }
  EXPECT_FALSE(op().is(source));
  EXPECT_GT(op_cases(op()).size(), op().examples.size()) << "give it odd sizes in tests/op_cases.h";
}

TEST_P(Contract, InfersWhatItMakes) {
  for (const OpCase& one : op_cases(op()))
    for (const bool wide : {false, true}) {
      SCOPED_TRACE(one.str());
      const auto in = wide ? in_doubles(one.in) : one.in;
      Attrs attrs = one.attrs;
      if (wide && (&op() == &one_hot_op || &op() == &step_mask_op)) attrs.set("dtype", int64_t{1});
      const auto types = types_of(in);
      const auto inferred = op().infer({complete_attrs(op(), attrs), types});
      const auto out = oracle({one.op, in, attrs}, in);
      ASSERT_EQ(out.size(), inferred.size());
      for (size_t i = 0; i < out.size(); ++i) {
        EXPECT_EQ(out[i].type(), inferred[i]);
        EXPECT_TRUE(!is_float(out[i].dtype()) || is_float(inferred[i].dtype));
        for (int64_t e = 0; e < out[i].elements(); ++e) ASSERT_TRUE(std::isfinite(out[i].at(e)));
      }
    }
}

TEST_P(Contract, PlainIsItsExpansion) {
  if (!op().plain || !op().expand) return; // one of them alone
  for (const OpCase& one : op_cases(op())) {
    SCOPED_TRACE(one.str());
    const auto in = in_doubles(one.in);
    Built64 expanded(in, [&](const std::vector<Var>& xs) { return op().expand(xs, complete_attrs(op(), one.attrs)); });
    for (const Var& y : expanded.ys) expanded.output(y);
    expanded.finish();
    const auto theirs = expanded(in), ours = oracle(one, in);
    ASSERT_EQ(theirs.size(), ours.size());
    for (size_t i = 0; i < ours.size(); ++i)
      for (int64_t e = 0; e < ours[i].elements(); ++e) EXPECT_LE(relative_error(ours[i].at(e), theirs[i].at(e)), 1e-12);
  }
}

// --- fast kernels against plain loops in double ---

TEST_P(Vectorised, KernelKeepsItsPromise) {
  for (const OpCase& one : op_cases(op())) {
    SCOPED_TRACE(one.str());
    const Shape shape = oracle(one, one.in)[0].shape();
    const Tensor truth = oracle(one, in_doubles(one.in))[0];
    const Tensor bound = rounding_bounds(op(), one.attrs, one.in, {truth})[0];
    // The kernel sees operands of one shape: the plan spreads them.
    std::vector<Tensor> spread;
    for (const Tensor& x : one.in) spread.push_back(oracle({&broadcast_to_op, {x}, {{"shape", shape.list()}}}, {x})[0]);
    std::vector<float> params;
    const Attrs attrs = complete_attrs(op(), one.attrs);
    for (const char* name : op().vector_params) params.push_back(float(attrs.real(name)));
    std::vector<const float*> in;
    for (const Tensor& x : spread) in.push_back(x.as<float>().data());
    Tensor out({DType::f32, shape});
    op().vector(in.data(), out.as<float>().data(), out.elements(), params.data());
    for (int64_t i = 0; i < out.elements(); ++i)
      ASSERT_LE(std::fabs(out.at(i) - truth.at(i)), bound.at(i)) << "element " << i;
    // In place, and at any offset: the same bits.
    for (size_t k = 0; k < spread.size(); ++k) {
      std::vector<Tensor> held = spread;
      for (size_t i = 0; i < spread.size(); ++i) in[i] = held[i].as<float>().data();
      op().vector(in.data(), held[k].as<float>().data(), out.elements(), params.data());
      EXPECT_EQ(held[k], out) << "out = in[" << k << "]";
    }
    for (int64_t at = 0; at < out.elements(); ++at) {
      float y = 0;
      for (size_t i = 0; i < spread.size(); ++i) in[i] = spread[i].as<float>().data() + at;
      op().vector(in.data(), &y, 1, params.data());
      ASSERT_EQ(std::memcmp(&y, out.as<float>().data() + at, sizeof y), 0) << "element " << at << " alone";
    }
  }
}

struct Fast {
  std::vector<Tensor> out; // row-major
  bool ran = false;
};

Fast run_prepared(const OpCase& one, const std::vector<Layout>& in_layouts, Layout out_layout, bool with_epilogue) {
  Fast result;
  const Attrs attrs = complete_attrs(*one.op, one.attrs);
  const auto types = types_of(one.in);
  const auto out_types = one.op->infer({attrs, types});
  const Prepared prepared = one.op->prepare({attrs, types, out_types, in_layouts, out_layout});
  if (!prepared.run) return result;
  std::vector<Buffer> in, out;
  std::vector<const void*> in_data;
  std::vector<void*> out_data;
  for (size_t i = 0; i < types.size(); ++i) {
    in.emplace_back(size_t(stored_elements(types[i].shape, in_layouts[i]) * bytes_of(types[i].dtype)));
    pack(types[i], in_layouts[i], one.in[i].view().data, in.back().data());
    in_data.push_back(in.back().data());
  }
  for (size_t i = 0; i < out_types.size(); ++i) {
    out.emplace_back(
        size_t(stored_elements(out_types[i].shape, i ? row_major : out_layout) * bytes_of(out_types[i].dtype)));
    std::memset(out.back().data(), 0x5a, out.back().size()); // a kernel can't count on zeros
    out_data.push_back(out.back().data());
  }
  Buffer workspace(size_t(prepared.workspace_bytes));
  std::memset(workspace.data(), 0x5a, workspace.size());
  std::vector<std::atomic<int>> covered(size_t(stored_elements(out_types[0].shape, out_layout)));
  struct Seen {
    std::vector<std::atomic<int>>& covered;
    std::vector<float> values;
  } seen{covered, std::vector<float>(covered.size())};
  const Epilogue count{[](void* context, const Stripes& part, const float* values, int64_t step) {
                         Seen& seen = *static_cast<Seen*>(context);
                         for (int64_t stripe = 0; stripe < part.count; ++stripe)
                           for (int64_t i = part.begin; i < part.end; ++i) {
                             const int64_t at = i + stripe * part.step;
                             ++seen.covered[size_t(at)];
                             seen.values[size_t(at)] = values[i - part.begin + stripe * step];
                           }
                       },
                       &seen};
  prepared.run({in_data.data(), out_data.data(), workspace.data(), with_epilogue ? count : Epilogue{}});
  for (size_t i = 0; with_epilogue && i < covered.size(); ++i)
    EXPECT_EQ(covered[i], 1) << "element " << i << " of the output, in the epilogue";
  if (with_epilogue) {
    EXPECT_EQ(std::memcmp(seen.values.data(), out[0].data(), out[0].size()), 0) << "what the epilogue was shown";
    if (prepared.output_optional) {
      std::ranges::fill(seen.values, 0.0F);
      void* const kept = std::exchange(out_data[0], nullptr);
      prepared.run({in_data.data(), out_data.data(), workspace.data(), count});
      out_data[0] = kept;
      EXPECT_EQ(std::memcmp(seen.values.data(), out[0].data(), out[0].size()), 0) << "without a place for the output";
    }
  }
  for (size_t unread = 0; prepared.unread_optional && unread < out.size(); ++unread) { // the others stay as they are
    const std::vector<Buffer> before = out;
    void* const kept = std::exchange(out_data[unread], nullptr);
    for (size_t i = 0; i < out.size(); ++i)
      if (i != unread) std::memset(out[i].data(), 0x5a, out[i].size());
    prepared.run({in_data.data(), out_data.data(), workspace.data(), {}});
    out_data[unread] = kept;
    for (size_t i = 0; i < out.size(); ++i)
      EXPECT_EQ(std::memcmp(out[i].data(), before[i].data(), out[i].size()), 0) << "without output " << unread;
  }
  for (size_t i = 0; i < out_types.size(); ++i) {
    result.out.emplace_back(out_types[i]);
    unpack(out_types[i], i ? row_major : out_layout, out[i].data(), result.out.back().view().data);
  }
  result.ran = true;
  return result;
}

TEST_P(PreparedOps, KernelKeepsItsBounds) {
  int ran = 0;
  for (const OpCase& one : op_cases(op())) {
    SCOPED_TRACE(one.str());
    const Attrs attrs = complete_attrs(op(), one.attrs);
    const auto types = types_of(one.in);
    const std::vector<Layout> rows(one.in.size(), row_major);
    // The kernel as a plan would use it where inputs are held so, and the output is wanted so.
    const auto wishes = [&](const std::vector<Layout>& held, Layout out_wanted = row_major) {
      LayoutWishes wished = op().layouts ? op().layouts({attrs, types, held, out_wanted}) : LayoutWishes{};
      if (wished.in.empty()) wished.in = rows;
      if (!out_wanted.row_major()) wished.out = out_wanted;
      return wished;
    };
    const LayoutWishes usual = wishes(rows);
    const Fast fast = run_prepared(one, usual.in, usual.out, false);
    if (!fast.ran) continue;
    ++ran;
    const auto truth = oracle(one, in_doubles(one.in));
    const auto bounds = rounding_bounds(op(), one.attrs, one.in, truth);
    ASSERT_EQ(fast.out.size(), truth.size());
    for (size_t j = 0; j < truth.size(); ++j)
      for (int64_t i = 0; i < truth[j].elements(); ++i)
        ASSERT_LE(std::fabs(fast.out[j].at(i) - truth[j].at(i)), bounds[j].at(i))
            << "output " << j << ", element " << i << " of " << truth[j].type().str();

    // Whatever the layout, the epilogue, the number of threads: the same bits.
    const bool takes_epilogue =
        op().prepare({attrs, types, op().infer({attrs, types}), usual.in, usual.out}).takes_epilogue;
    if (takes_epilogue) { EXPECT_EQ(run_prepared(one, usual.in, usual.out, true).out, fast.out); }
    const auto run_as = [&](const LayoutWishes& wished, const std::string& what) {
      EXPECT_EQ(run_prepared(one, wished.in, wished.out, takes_epilogue).out, fast.out) << what;
    };
    if (!usual.states.empty()) run_as(wishes(usual.states), "inputs as states are");
    for (const Layout offered : usual.offers) run_as(wishes(rows, offered), "output in " + offered.str());
    std::vector<Layout> blocks = rows;
    for (size_t i = 0; i < types.size(); ++i)
      if (types[i].shape.rank() >= 2) blocks[i] = {1, 16};
    run_as(wishes(blocks), "inputs in blocks of channels");
    const int before = thread_count();
    for (const int threads : {1, 3}) {
      set_thread_count(threads);
      EXPECT_EQ(run_prepared(one, usual.in, usual.out, false).out, fast.out) << threads << " threads";
    }
    set_thread_count(before);
  }
  EXPECT_GT(ran, 0);
}

// --- derivatives ---

TEST_P(Differentiable, GradientAndSecondDerivative) {
  GradientReport report;
  for (const OpCase& one : op_cases(op())) {
    int64_t elements = 0;
    for (const Tensor& x : one.in) elements += x.elements();
    report.add(check_both_gradients(one.in, builder(one), one.str(), elements > 100 ? 3 : 6));
  }
  EXPECT_EQ(report.failed, 0) << report.first;
  EXPECT_LE(report.worst, gradient_tolerance) << report.first;
  EXPECT_LT(report.kinks, report.checked / 4) << "most elements lie off the kinks";
  RecordProperty("checked", int(report.checked));
  RecordProperty("kinks", int(report.kinks));
}

TEST_P(Flat, ItsGradientIsZero) {
  for (const OpCase& one : op_cases(op())) {
    if (!is_float(one.in[0].dtype())) continue;
    Built64 built(one.in, builder(one));
    const Var& y = built.ys[0];
    const auto dx = gradient(sum(is_float(y.dtype()) ? y : one_hot(y, 8, DType::f64)), {built.xs[0]});
    built.output(dx[0]);
    built.finish();
    EXPECT_EQ(largest(built(one.in)[0]), 0) << one.str();
    EXPECT_EQ(dx[0].type(), built.xs[0].type());
  }
}

// --- attributes and inputs that don't fit ---

TEST_P(Contract, AttributesAreChecked) {
  const OpCase one = op_cases(op())[0];
  const auto infer = [&](const Attrs& attrs) {
    const auto types = types_of(one.in);
    return op().infer({complete_attrs(op(), attrs), types});
  };
  EXPECT_NO_THROW(infer(one.attrs));
  Attrs unknown = one.attrs;
  unknown.set("no_such_attribute", int64_t{1});
  EXPECT_THROW(infer(unknown), Error);
  for (const AttrSpec& spec : op().attrs) {
    Attrs wrong = one.attrs;
    wrong.set(spec.name, std::make_shared<const Tensor>(Tensor::scalar(1)));
    EXPECT_THROW(infer(wrong), Error) << spec.name;
    Attrs misspelt = one.attrs;
    misspelt.set(text(spec.name, "s"), spec.fallback);
    try {
      infer(misspelt);
      FAIL();
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(text("did you mean \"", spec.name)), std::string::npos) << error.what();
    }
    if (spec.required) {
      Attrs missing;
      for (const auto& [name, value] : one.attrs.items())
        if (name != spec.name) missing.set(name, value);
      EXPECT_THROW(infer(missing), Error) << spec.name;
    }
  }
}

// Whatever comes in, the answer is a type or an Error that names the op; and what was accepted runs.
TEST_P(Contract, NoInputCrashes) {
  const std::vector<Shape> shapes{{},     {0},    {1},    {2},       {3},          {1, 1},
                                  {2, 3}, {3, 2}, {0, 3}, {2, 3, 2}, {1, 2, 1, 2}, {1, 1, 1, 1, 1, 1, 1, 2}};
  const std::vector<int64_t> integers{INT64_MIN, -9, -2, -1, 0, 1, 2, 3, 7, int64_t{1} << 40, INT64_MAX};
  const Stream stream(1, op().name);
  int accepted = 0, refused = 0;
  for (uint64_t round = 0; round < 3000; ++round) {
    Draws draws(stream, round);
    const auto graph = std::make_shared<Graph>();
    std::vector<Var> in;
    std::vector<Tensor> values;
    const size_t usual = op().args.size() - (std::string(op().args.back()) == "...");
    const Example& example = op().examples[0];
    const bool like_example = draws.below(4) == 0; // its inputs, and most of its attributes
    const size_t count = like_example ? example.in.size() : draws.below(8) ? usual : draws.below(4);
    const Shape base = shapes[draws.below(shapes.size())];
    const std::vector<DType> dtypes{DType::f32, DType::f64, DType::i32, DType::u8};
    const DType main = draws.below(3) ? DType::f32 : dtypes[draws.below(4)];
    for (size_t i = 0; i < count; ++i) {
      DType dtype = draws.below(4) ? main : dtypes[draws.below(4)];
      const bool whole = i < example.in.size() && example.in[i].dtype() == DType::i32;
      if (whole && draws.below(4)) dtype = DType::i32;
      const Type type =
          like_example ? example.in[i].type() : Type{dtype, draws.below(2) ? base : shapes[draws.below(shapes.size())]};
      values.push_back(Tensor::full(type, draws.below(3) ? 1 : 0));
      in.push_back(append(graph, input_op, {}, {{"dtype", int64_t(type.dtype)}, {"shape", type.shape.list()}},
                          std::source_location::current())[0]);
    }
    Attrs attrs = like_example ? example.attrs : Attrs{};
    for (const AttrSpec& spec : op().attrs) {
      if (like_example ? draws.below(3) > 0 : !spec.required && draws.below(3) == 0) continue;
      const auto integer = [&] {
        return draws.below(3) ? int64_t(draws.below(4)) - 1 : integers[draws.below(integers.size())];
      };
      if (std::holds_alternative<int64_t>(spec.fallback)) attrs.set(spec.name, integer());
      if (std::holds_alternative<double>(spec.fallback)) attrs.set(spec.name, draws.uniform(-2, 2));
      if (std::holds_alternative<std::string>(spec.fallback))
        attrs.set(spec.name, std::string(draws.below(2) ? "sum" : "nonsense"));
      if (std::holds_alternative<std::vector<int64_t>>(spec.fallback)) {
        std::vector<int64_t> list(draws.below(5));
        for (int64_t& x : list) x = integer();
        if (draws.below(3) == 0) list = base.list();
        attrs.set(spec.name, list);
      }
    }
    std::vector<Var> out;
    try {
      out = append(graph, op(), in, attrs, std::source_location::current());
    } catch (const Error& error) {
      ++refused;
      EXPECT_EQ(error.fault(), Fault::input);
      EXPECT_NE(std::string(error.what()).find(op().name), std::string::npos) << error.what();
      continue;
    }
    ++accepted;
    if (out[0].shape().elements() > 100000) continue;
    std::vector<const Tensor*> pointers;
    for (const Tensor& value : values) pointers.push_back(&value);
    try {
      const auto results = interpret_node(out[0].node(), pointers);
      for (size_t i = 0; i < results.size(); ++i) EXPECT_EQ(results[i].type(), out[i].type());
    } catch (const Error&) { // an index that is not there
      EXPECT_TRUE(std::ranges::any_of(values, [](const Tensor& value) { return value.dtype() == DType::i32; }));
    }
  }
  EXPECT_GT(accepted, 0);
  EXPECT_GT(refused, 0);
}

} // namespace
} // namespace vitro
