# Stands in for rosidl_default_generators in the message builds of `make setup`: the same generators, without those for C++.
#
# A machine that has ROS 2 only from pip runs Python nodes; they need the C code and the Python modules of a message
# package. Leaving out C++ halves the time. colcon builds use the real package and generate everything.
# Use: cmake -Drosidl_default_generators_DIR=<this folder> -DSMART_CELL_ROS_PREFIX=<where ROS is installed>.

set(rosidl_default_generators_DIR "${SMART_CELL_ROS_PREFIX}/share/rosidl_default_generators/cmake")
include("${rosidl_default_generators_DIR}/rosidl_default_generatorsConfig.cmake")
list(FILTER AMENT_EXTENSIONS_rosidl_generate_idl_interfaces EXCLUDE REGEX "_cpp:")
