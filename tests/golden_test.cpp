// Against PyTorch: ops, losses, nets of dense layers, optimisers, schedules. scripts/golden.py wrote the files
// in tests/golden.
//
// In double to 1e-10; in float, by the planned kernels, to 1e-5 of the largest number.
#include <gtest/gtest.h>

#include "golden_files.h"
#include "model/model.h"
#include "ops/catalogue.h"
#include "ops/gradient.h"
#include "ops/ops.h"
#include "optim/schedule.h"
#include "plan/plan.h"

namespace vitro {
namespace {

// All outputs of a function that reads no state, interpreted in double or run by a plan.
std::vector<Tensor> outputs(const Function& function, const std::vector<Tensor>& in, bool planned) {
  std::vector<Tensor> out;
  if (planned) {
    States states;
    const auto plan = std::make_shared<Plan>(function, states);
    Execution execution(plan, std::make_shared<Arena>());
    for (size_t i = 0; i < in.size(); ++i) execution.bind(i, in[i]);
    execution.run();
    for (size_t i = 0; i < function.outputs.size(); ++i) out.push_back(Tensor::copy_of(execution.output(i)));
  } else {
    const Interpretation values = interpret(function, {}, in);
    for (const Named& output : function.outputs) out.push_back(values.at(output.edge));
  }
  return out;
}

TEST(Golden, OpsAndTheirGradients) {
  std::set<std::string> seen;
  for (const json& stated : golden("ops.json"))
    for (const DType dtype : {DType::f64, DType::f32}) {
      const std::string name = stated["op"];
      const double tolerance = dtype == DType::f64 ? in_double : in_float;
      const Op* op = find_op(name);
      ASSERT_TRUE(op) << name;
      seen.insert(name);
      Attrs attrs = attrs_of(stated["attrs"]);
      if (name == "one_hot" || name == "step_mask") attrs.set("dtype", int64_t(dtype == DType::f64));
      SCOPED_TRACE(text(name, " ", attrs.str(), " ", vitro::name(dtype)));

      const States none;
      Trace trace(none);
      std::vector<Tensor> in;
      std::vector<Var> xs, wrt;
      for (const json& x : stated["in"]) {
        in.push_back(tensor_of(x, dtype));
        xs.push_back(trace.input(text("x", xs.size()), in.back().type()));
      }
      const auto ys = append(trace.graph(), *op, xs, attrs, std::source_location::current());
      ASSERT_EQ(ys.size(), stated["out"].size());
      Var total;
      std::vector<Tensor> expected;
      for (size_t i = 0; i < ys.size(); ++i) {
        trace.output(text("y", i), ys[i]);
        expected.push_back(tensor_of(stated["out"][i], DType::f64));
        const Var term = sum(ys[i] * constant(trace.graph(), tensor_of(stated["dy"][i], dtype)));
        total = total ? total + term : term;
      }
      for (size_t i = 0; i < xs.size(); ++i)
        if (!stated["dx"][i].is_null()) {
          wrt.push_back(xs[i]);
          expected.push_back(tensor_of(stated["dx"][i], DType::f64));
        }
      for (const Var& dx : gradient(total, wrt)) trace.output(text("dx", trace.graph()->size()), dx);
      const Function function = trace.finish();
      const auto found = outputs(function, in, dtype == DType::f32);
      ASSERT_EQ(found.size(), expected.size());
      for (size_t i = 0; i < found.size(); ++i)
        expect_close(found[i], expected[i], tolerance, function.outputs[i].name);
    }
  std::set<std::string> all;
  for (const Op* op : catalogue()) all.insert(op->name);
  all.erase("to_index");     // integers, which nothing multiplies: the embeddings hold it
  all.erase("dropout_mask"); // random bits are each program's own: tests/kernels_dropout_test.cpp
  EXPECT_EQ(seen, all) << "every op has its vectors";
}

TEST(Golden, LossesInAllTheirReductionsAndOptions) {
  std::set<std::pair<std::string, std::string>> seen, all;
  std::set<std::string> options, all_options;
  for (const json& stated : golden("losses.json"))
    for (const DType dtype : {DType::f64, DType::f32}) {
      const Loss& loss = find_loss(stated["name"]);
      const std::string reduction = stated["reduction"];
      Attrs given;
      for (const auto& [key, value] : stated["args"].items()) {
        options.insert(text(loss.name, ".", key));
        if (value.is_array())
          given.set(key, std::make_shared<const Tensor>(
                             Tensor(Shape{int64_t(value.size())}, value.get<std::vector<double>>(), DType::f64)));
        else
          given.set(key, attrs_of({{key, value}}).items()[0].second);
      }
      const Attrs args = complete_args(loss, given, stated["x"]["shape"][1]);
      SCOPED_TRACE(text(loss.name, " ", reduction, " ", args.str(), " ", vitro::name(dtype)));
      check_reduction(loss, reduction);
      seen.insert({loss.name, reduction});
      const Tensor x = tensor_of(stated["x"], dtype), t = tensor_of(stated["targets"], dtype);
      const States none;
      Trace trace(none);
      const Var output = trace.input("x", x.type()), targets = trace.input("targets", t.type());
      const Var value = loss.build({output, targets, reduction, args}).loss;
      trace.output("loss", value);
      trace.output("dx", gradient(value, {output})[0]);
      const auto found = outputs(trace.finish(), {x, t}, dtype == DType::f32);
      const double tolerance = dtype == DType::f64 ? in_double : in_float;
      expect_close(found[0], Tensor::scalar(stated["value"], DType::f64), tolerance, "value");
      expect_close(found[1], tensor_of(stated["dx"], DType::f64), tolerance, "dx");
    }
  for (const Loss& loss : losses()) {
    for (const char* reduction : loss.reductions) all.insert({loss.name, reduction});
    for (const AttrSpec& arg : loss.args) all_options.insert(text(loss.name, ".", arg.name));
  }
  EXPECT_EQ(seen, all) << "every loss and reduction has its vectors";
  EXPECT_EQ(options, all_options) << "and every option";
}

TEST(Golden, NetsOfDenseLayers) {
  for (const json& stated : golden("nets.json"))
    for (const DType dtype : {DType::f64, DType::f32}) {
      SCOPED_TRACE(text(stated["name"].get<std::string>(), " ", vitro::name(dtype)));
      const double tolerance = dtype == DType::f64 ? in_double : in_float;
      ModelSpec spec{.net = mlp(stated["hidden"].get<std::vector<int64_t>>(), stated["activation"]),
                     .sample = {6},
                     .outputs = 3,
                     .loss = stated["loss"]};
      spec.dtype = dtype;
      Model model(spec);
      // Layers count from the first; the last one's name does not matter.
      std::vector<std::string> theirs, ours = model.states().names(true);
      for (const auto& [name, value] : stated["parameters"].items()) theirs.push_back(name);
      ASSERT_EQ(ours.size(), theirs.size());
      for (size_t i = 0; i < ours.size(); i += 2) { // ours: weight, bias; JSON sorts by name: bias, weight
        ASSERT_TRUE(ours[i].ends_with(".weight"));
        model.states().write(ours[i], tensor_of(stated["parameters"][theirs[i + 1]], dtype));
        model.states().write(ours[i + 1], tensor_of(stated["parameters"][theirs[i]], dtype));
      }
      const Tensor x = tensor_of(stated["x"], dtype), targets = tensor_of(stated["targets"], dtype);
      const Evaluation evaluation = model.evaluate(x, targets);
      const double value = stated["value"];
      EXPECT_NEAR(evaluation.loss / double(evaluation.samples), value, tolerance * std::fabs(value));
      const Tensor predictions = tensor_of(stated["predictions"], DType::f64);
      expect_close(evaluation.predictions, predictions, tolerance, "predictions");
      expect_close(model.predict(x), predictions, tolerance, "predict");
      const auto gradients = model.gradient(x, targets);
      for (size_t i = 0; i < ours.size(); i += 2) {
        expect_close(gradients.at(ours[i]), tensor_of(stated["gradients"][theirs[i + 1]], DType::f64), tolerance,
                     ours[i]);
        expect_close(gradients.at(ours[i + 1]), tensor_of(stated["gradients"][theirs[i]], DType::f64), tolerance,
                     ours[i + 1]);
      }
    }
}

// Gradients, ten steps, and what the trained net predicts.
void train_as_stated(const char* file) {
  for (const json& stated : golden(file))
    for (const DType dtype : {DType::f64, DType::f32}) {
      SCOPED_TRACE(text(stated["name"].get<std::string>(), " ", vitro::name(dtype)));
      const double tolerance = dtype == DType::f64 ? in_double : 4 * in_float; // after ten steps
      ModelSpec spec{
          .net = {}, .sample = Shape(stated["sample"].get<std::vector<int64_t>>()), .outputs = 3, .dtype = dtype};
      spec.codes = stated.value("codes", std::vector<int64_t>{});
      for (json layer : stated["layers"]) {
        const std::string op = layer["op"];
        layer.erase("op");
        spec.net.layers.push_back({.op = op, .args = attrs_of(layer)});
      }
      Model model(spec);
      std::set<std::string> theirs;
      for (const auto& [name, value] : stated["start"].items()) {
        theirs.insert(name);
        model.states().write(name, tensor_of(value, dtype));
      }
      const auto ours = model.states().weights();
      EXPECT_EQ(std::set<std::string>(ours.begin(), ours.end()), theirs);
      const auto batch = [&](size_t step) {
        const json& one = stated["batches"][step];
        return std::pair(tensor_of(one["x"], dtype), tensor_of(one["targets"], dtype));
      };
      const auto gradients = model.gradient(batch(0).first, batch(0).second);
      for (const auto& [name, value] : stated["gradients"].items())
        expect_close(gradients.at(name), tensor_of(value, DType::f64), tolerance, name);
      for (size_t step = 0; step < stated["batches"].size(); ++step) {
        const auto [x, targets] = batch(step);
        const double loss = stated["losses"][step];
        EXPECT_NEAR(model.fit(x, targets, 0.1).loss, loss, tolerance * loss) << "step " << step;
      }
      for (const auto& [name, value] : stated["end"].items())
        expect_close(model.states().read(name), tensor_of(value, DType::f64), tolerance, name);
      expect_close(model.predict(tensor_of(stated["x"], dtype)), tensor_of(stated["predictions"], DType::f64),
                   tolerance, "predictions");
    }
}

TEST(Golden, NormalizationInTrainingAndEvaluation) { train_as_stated("normalization.json"); }

TEST(Golden, EmbeddingsOfCodes) { train_as_stated("embeddings.json"); }

NetSpec net_of(const json& stated) {
  if (stated.is_string()) return make_net(stated);
  if (stated.is_array()) return {.layers = layers_of(stated)};
  NetSpec out{.layers = layers_of(stated["layers"])};
  for (const auto& [name, layers] : stated["blocks"].items()) out.blocks[name] = {name, layers_of(layers)};
  return out;
}

TEST(Golden, NetsOfPictures) {
  std::set<std::string> seen;
  for (const json& stated : golden("pictures.json"))
    for (const DType dtype : {DType::f64, DType::f32}) {
      SCOPED_TRACE(text(stated["name"].get<std::string>(), " ", vitro::name(dtype)));
      const double tolerance = dtype == DType::f64 ? in_double : 10 * in_float; // after ten steps
      const auto sample = stated["sample"].get<std::vector<int64_t>>();
      const int64_t batch = stated["batch"];
      ModelSpec spec{.net = net_of(stated["net"]), .sample = Shape(sample), .outputs = 3, .dtype = dtype};
      for (const ResolvedLayer& layer : resolve(spec.net, 3)) seen.insert(layer.layer->name);
      Model model(spec);
      std::set<std::string> theirs;
      for (const auto& [name, start] : stated["start"].items()) {
        theirs.insert(name);
        ASSERT_TRUE(model.states().has(name)) << name;
        model.states().write(name, noise(model.states().at(name).type, start[0], start[1], start[2]));
      }
      const auto ours = model.states().names(true);
      EXPECT_EQ(std::set<std::string>(ours.begin(), ours.end()), theirs);
      auto extents = sample;
      extents.insert(extents.begin(), batch);
      const Type type{dtype, Shape(extents)};
      const auto targets = [&](int64_t step) {
        Tensor out({DType::i32, Shape{batch}});
        for (int64_t i = 0; i < batch; ++i) out.set(i, double((5 * i + step) % 3));
        return out;
      };
      const auto gradients = model.gradient(noise(type, 1000), targets(0));
      for (const auto& [name, value] : stated["gradients"].items())
        expect_digest(gradients.at(name), value, tolerance, name);
      for (int64_t step = 0; step < 10; ++step) {
        const double loss = stated["losses"][size_t(step)];
        EXPECT_NEAR(model.fit(noise(type, uint32_t(1000 + step)), targets(step), stated["lr"]).loss, loss,
                    tolerance * loss)
            << "step " << step;
      }
      for (const auto& [name, value] : stated["end"].items())
        expect_digest(model.states().read(name), value, tolerance, name);
      expect_close(model.predict(noise(type, 2000)), tensor_of(stated["predictions"], DType::f64), tolerance,
                   "predictions");
    }
  for (const char* layer : {"conv2d", "depthwise_conv2d", "conv1d", "project", "global_avg_pool", "global_max_pool",
                            "adaptive_avg_pool2d", "adaptive_max_pool2d", "max_pool1d", "avg_pool1d", "max_pool2d",
                            "avg_pool2d", "group_norm", "upsample", "zero_pad2d", "concatenate", "add"})
    EXPECT_TRUE(seen.contains(layer)) << layer;
}

// The gradient that scripts/golden.py used at this step.
Tensor bowl(const Tensor& p, int64_t step) {
  Tensor g(p.type());
  for (int64_t i = 0; i < p.elements(); ++i) {
    const double x = p.at(i), k = double(i);
    g.set(i, (0.3 + 0.1 * k) * (x - 0.5 * k) + std::cos(3 * x + 0.1 * double(step)) * 0.2);
  }
  return g;
}

TEST(Golden, OptimizersOver100Steps) {
  std::set<std::string> seen;
  for (const json& stated : golden("optimizers.json"))
    for (const DType dtype : {DType::f64, DType::f32}) {
      const std::vector<std::string> names{"w", "b"};
      OptimizerSpec wanted{stated["name"], attrs_of(stated["args"])};
      for (const json& group : stated["groups"])
        wanted.groups.push_back({.match = group["match"], .args = attrs_of(group["args"])});
      OptimizerSpec spec = complete(resolve_groups(wanted, names));
      SCOPED_TRACE(text(spec.name, " ", spec.args.str(), ", decay ", stated["decay"].get<double>(), ", clip ",
                        stated["clip"].get<double>(), " ", vitro::name(dtype)));
      seen.insert(spec.name);
      States states;
      for (const auto& name : names) states.add(name, tensor_of(stated["start"][name], dtype), true);
      create_moments(states, spec);
      Trace trace(states);
      std::vector<Var> gradients;
      for (const auto& name : names) gradients.push_back(trace.input("d" + name, states.at(name).type));
      append_updates(trace, spec, names, clip(gradients, {.norm = stated["clip"]}));
      const Function function = trace.finish();
      std::shared_ptr<Plan> plan;
      std::unique_ptr<Execution> execution;
      if (dtype == DType::f32) {
        plan = std::make_shared<Plan>(function, states);
        execution = std::make_unique<Execution>(plan, std::make_shared<Arena>());
      }
      std::vector<double> scalars(scalar_inputs(spec).size());
      const ScheduleSpec constant;
      const json& schedule = stated["schedule"];
      const ScheduleSpec scheduled =
          complete(schedule.is_null() ? constant : ScheduleSpec{schedule["name"], attrs_of(schedule["args"])});
      const int64_t steps = stated["steps"];
      for (int64_t step = 0; step < steps; ++step) {
        const Setting setting = setting_at(scheduled, stated["lr"], {.step = step, .steps = steps});
        if (setting.momentum >= 0) {
          spec.args.set(spec.args.has("momentum") ? "momentum" : "beta1", setting.momentum);
          spec = complete(spec);
        }
        std::vector<Tensor> in;
        for (const auto& name : names) in.push_back(bowl(states.read(name), step));
        scalar_values(spec, setting.lr / (1 + stated["decay"].get<double>() * double(step)), step + 1, scalars);
        for (const double scalar : scalars) in.push_back(Tensor::scalar(scalar, dtype));
        if (plan) {
          for (size_t i = 0; i < in.size(); ++i) execution->bind(i, in[i]);
          ASSERT_TRUE(execution->run());
        } else {
          commit(function, interpret(function, read_states(states), in), states);
        }
        if (step + 1 == 10)
          for (const auto& name : names)
            expect_close(states.read(name), tensor_of(stated["after_10"][name], DType::f64),
                         dtype == DType::f64 ? in_double : in_float, name + " after 10");
      }
      for (const auto& name : names)
        expect_close(states.read(name), tensor_of(stated["end"][name], DType::f64),
                     dtype == DType::f64 ? in_double : in_float, name);
    }
  std::set<std::string> all;
  for (const Optimizer& optimizer : optimizers()) all.insert(optimizer.name);
  EXPECT_EQ(seen, all);
}

TEST(Golden, SchedulesOverARun) {
  std::set<std::string> seen;
  for (const json& stated : golden("schedules.json")) {
    const ScheduleSpec spec = complete(ScheduleSpec{stated["name"], attrs_of(stated["args"])});
    SCOPED_TRACE(text(spec.name, " ", spec.args.str()));
    seen.insert(spec.name);
    const int64_t steps = stated["steps"], per_epoch = stated["per_epoch"];
    const auto losses = stated["losses"].get<std::vector<double>>();
    Scheduler scheduler(spec, stated["lr"], {.steps = steps, .steps_per_epoch = per_epoch}, true);
    const double momentum_elsewhere = 0.5; // what the file states where the schedule leaves momentum alone
    for (int64_t step = 0; step < steps; ++step) {
      const Setting setting = scheduler.at(step);
      const double rate = stated["rates"][size_t(step)], momentum = stated["momenta"][size_t(step)];
      ASSERT_NEAR(setting.lr, rate, in_double * rate) << "step " << step;
      ASSERT_NEAR(setting.momentum < 0 ? momentum_elsewhere : setting.momentum, momentum, in_double) << "step " << step;
      if (!losses.empty() && (step + 1) % per_epoch == 0)
        scheduler.end_epoch((step + 1) / per_epoch, losses[size_t(step / per_epoch)]);
    }
  }
  std::set<std::string> all;
  for (const Schedule& schedule : schedules()) all.insert(schedule.name);
  EXPECT_EQ(seen, all);
}

} // namespace
} // namespace vitro
