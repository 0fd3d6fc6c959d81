# Makes the ROS 2 wheels usable by CMake: drops include directories that exist only on the machine that built the wheels.
#
# The exported targets of the wheels name /opt/python/cp3xx/include, the place of Python.h in the image in which they were
# built; CMake refuses a target whose include directory is missing. The real Python.h comes from FindPython3.
# Use: include it after project(), or for packages of others cmake -DCMAKE_PROJECT_INCLUDE=<this file>.
# On a ROS 2 machine with apt packages nothing matches, and nothing changes.

function(_smart_cell_drop_missing_includes)
  get_property(targets DIRECTORY "${CMAKE_SOURCE_DIR}" PROPERTY IMPORTED_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(directories ${target} INTERFACE_INCLUDE_DIRECTORIES)
    if(directories)
      set(kept)
      foreach(directory IN LISTS directories)
        if(directory MATCHES "^/opt/python/" AND NOT EXISTS "${directory}")
          continue()
        endif()
        list(APPEND kept "${directory}")
      endforeach()
      set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${kept}")
    endif()
  endforeach()
endfunction()

cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL _smart_cell_drop_missing_includes)
