// Times pinocchio's C++ functions for bench/kinematics.py, which compiles and drives it.
//
//   pinocchio_timing MODEL TIP DATA COUNT
//
// MODEL: as saveToText writes it. DATA: COUNT x 3 x joints doubles (position, velocity, acceleration
// of each). Each line of the input, fk, jacobian or inverse_dynamics, runs
// that function once over all of DATA; the answer is the time [ns] per configuration and the sum of
// the results.
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <pinocchio/algorithm/frames.hpp>
#include <pinocchio/algorithm/kinematics.hpp>
#include <pinocchio/algorithm/rnea.hpp>
#if __has_include(<pinocchio/serialization.hpp>)
#include <pinocchio/serialization.hpp> // since 4.0
#else
#include <pinocchio/serialization/model.hpp>
#endif

namespace {

struct Motion {
    Eigen::VectorXd q, v, a;
};

std::vector<Motion>
read(const std::string &file, std::size_t count, Eigen::Index joints)
{
    std::ifstream stream(file, std::ios::binary);
    std::vector<Motion> result(count);
    for (Motion &motion : result) {
        for (Eigen::VectorXd *vector : {&motion.q, &motion.v, &motion.a}) {
            vector->resize(joints);
            stream.read(reinterpret_cast<char *>(vector->data()),
                        static_cast<std::streamsize>(sizeof(double)) * joints);
        }
    }
    if (!stream) {
        throw std::runtime_error("too little data");
    }
    return result;
}

template <typename Function>
void
time(const std::vector<Motion> &motions, Function function)
{
    const auto begin = std::chrono::steady_clock::now();
    double sum = 0.0;
    for (const Motion &motion : motions) {
        sum += function(motion);
    }
    const std::chrono::duration<double, std::nano> taken =
        std::chrono::steady_clock::now() - begin;
    std::cout << taken.count() / static_cast<double>(motions.size()) << " " << sum << std::endl;
}

void
serve(const pinocchio::Model &model, pinocchio::FrameIndex tip, const std::vector<Motion> &motions)
{
    pinocchio::Data data(model);
    pinocchio::Data::Matrix6x jacobian = pinocchio::Data::Matrix6x::Zero(6, model.nv);
    for (std::string line; std::getline(std::cin, line);) {
        if (line == "fk") {
            time(motions, [&](const Motion &m) {
                pinocchio::forwardKinematics(model, data, m.q);
                return pinocchio::updateFramePlacement(model, data, tip).translation()[0];
            });
        }
        else if (line == "jacobian") {
            time(motions, [&](const Motion &m) {
                pinocchio::computeFrameJacobian(model, data, m.q, tip,
                                                pinocchio::LOCAL_WORLD_ALIGNED, jacobian);
                return jacobian(0, 0);
            });
        }
        else {
            time(motions, [&](const Motion &m) {
                return pinocchio::rnea(model, data, m.q, m.v, m.a)[0];
            });
        }
    }
}

} // namespace

int
main(int argc, char **argv)
{
    if (argc != 5) {
        return EXIT_FAILURE;
    }
    pinocchio::Model model;
    pinocchio::serialization::loadFromText(model, argv[1]);
    serve(model, model.getFrameId(argv[2]), read(argv[3], std::stoul(argv[4]), model.nv));
    return EXIT_SUCCESS;
}
