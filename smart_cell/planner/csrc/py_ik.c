/* Inverse kinematics of the Chain type: one pose the quick way, and batches. */
#include "py_core.h"

#include <string.h>

#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#include <numpy/arrayobject.h>

int
core_ik_prepare(chain_object *self)
{
    const sc_chain *chain = &self->chain;
    import_array1(-1);
    for (size_t i = 0; i < chain->dof; i++) {
        double lower = chain->lower[i], upper = chain->upper[i];
        double middle = lower > -HUGE_VAL && upper < HUGE_VAL ? 0.5 * (lower + upper) : 0.0;
        self->middle[i] = fmin(fmax(middle, lower), upper);
    }
    sc_ik_analyse(chain, &self->ik);
    return 0;
}

/* The values of an array of exactly this shape (columns 0: a vector), or NULL. */
static const double *
values_of(PyObject *object, npy_intp rows, npy_intp columns)
{
    if (!PyArray_CheckExact(object)) {
        return NULL;
    }
    PyArrayObject *array = (PyArrayObject *)object;
    const npy_intp *shape = PyArray_DIMS(array);
    bool fits = PyArray_TYPE(array) == NPY_DOUBLE && PyArray_ISCARRAY_RO(array) &&
                PyArray_NDIM(array) == (columns > 0 ? 2 : 1) && shape[0] == rows &&
                (columns == 0 || shape[1] == columns);
    return fits ? PyArray_DATA(array) : NULL;
}

/* The same condition as the Python face's pose_matrix. */
static bool
is_rigid(const double *m)
{
    for (size_t i = 0; i < 3; i++) {
        if (!(fabs(m[4 * i + 3]) < HUGE_VAL) || !(fabs(m[12 + i]) < 1e-9)) {
            return false;
        }
        for (size_t j = 0; j <= i; j++) {
            double product = sc_dot3(m + 4 * i, m + 4 * j);
            if (!(fabs(product - (i == j ? 1.0 : 0.0)) < 1e-6)) {
                return false;
            }
        }
    }
    double normal[3];
    sc_cross3(m, m + 4, normal);
    return sc_dot3(normal, m + 8) > 0.0 && fabs(m[15] - 1.0) < 1e-9;
}

/* The seed, clipped into the limits; false if it is not finite. */
static bool
read_seed(const sc_chain *chain, const double *given, double *seed)
{
    for (size_t i = 0; i < chain->dof; i++) {
        if (!(fabs(given[i]) < HUGE_VAL)) {
            return false;
        }
        seed[i] = fmin(fmax(given[i], chain->lower[i]), chain->upper[i]);
    }
    return true;
}

PyObject *
core_chain_ik_one(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
{
    const chain_object *self = (const chain_object *)object;
    const sc_chain *chain = &self->chain;
    double seed[SC_MAX_DOF], found[SC_IK_MAX_SOLUTIONS * SC_MAX_DOF];
    if (core_arguments("ik_one", nargs, 3) != 0) {
        return NULL;
    }
    const double *pose = values_of(args[0], 4, 4), *given = self->middle;
    if (args[1] != Py_None) {
        given = values_of(args[1], (npy_intp)chain->dof, 0);
    }
    int beyond = 0;
    long most = PyLong_CheckExact(args[2]) ? PyLong_AsLongAndOverflow(args[2], &beyond) : 0;
    if (pose == NULL || given == NULL || most < 1 || most > SC_IK_MAX_SOLUTIONS ||
        !is_rigid(pose) || !read_seed(chain, given, seed)) {
        Py_RETURN_NONE;
    }
    sc_frame target;
    size_t count = 0;
    sc_frame_from_matrix(pose, &target);
    if (!sc_ik_solve_quick(chain, &self->ik, &target, seed, (size_t)most, found, &count)) {
        Py_BEGIN_ALLOW_THREADS sc_ik_solve(chain, &self->ik, &target, seed, 0, (size_t)most, found,
                                           &count);
        Py_END_ALLOW_THREADS
    }
    npy_intp shape[2] = {(npy_intp)count, (npy_intp)chain->dof};
    PyObject *result = PyArray_SimpleNew(2, shape, NPY_DOUBLE);
    if (result != NULL) {
        memcpy(PyArray_DATA((PyArrayObject *)result), found, count * chain->dof * sizeof *found);
    }
    return result;
}

PyObject *
core_chain_ik(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
{
    const chain_object *self = (const chain_object *)object;
    const sc_chain *chain = &self->chain;
    if (core_arguments("ik", nargs, 5) != 0) {
        return NULL;
    }
    unsigned long held = PyLong_AsUnsignedLong(args[2]);
    if (held == (unsigned long)-1 && PyErr_Occurred()) {
        return NULL;
    }
    Py_buffer views[4];
    const core_request requests[4] = {{args[0], 0, -1, "poses"},
                                      {args[1], 0, -1, "seeds"},
                                      {args[3], 1, -1, "out"},
                                      {args[4], 1, -1, "counts"}};
    if (core_gather(requests, 4, views) != 0) {
        return NULL;
    }
    size_t word = sizeof(double), dof = chain->dof, m = (size_t)views[3].len / word;
    size_t seeds = (size_t)views[1].len / (word * dof);
    size_t most = m == 0 ? 1 : (size_t)views[2].len / (word * dof * m);
    bool fits = (size_t)views[0].len == m * 16 * word && (seeds == 1 || seeds == m) &&
                (size_t)views[1].len == seeds * dof * word && most >= 1 &&
                most <= SC_IK_MAX_SOLUTIONS && (size_t)views[2].len == m * most * dof * word;
    if (fits) {
        const double *poses = views[0].buf, *given = views[1].buf;
        double *out = views[2].buf, *counts = views[3].buf;
        Py_BEGIN_ALLOW_THREADS for (size_t k = 0; k < m; k++)
        {
            sc_frame target;
            size_t count = 0;
            sc_frame_from_matrix(poses + 16 * k, &target);
            sc_ik_solve(chain, &self->ik, &target, given + (seeds == 1 ? 0 : k * dof),
                        (uint32_t)held, most, out + k * most * dof, &count);
            counts[k] = (double)count;
        }
        Py_END_ALLOW_THREADS
    }
    core_release(views, 4);
    if (!fits) {
        return core_raise("ik", SC_BAD_ARGUMENT);
    }
    Py_RETURN_NONE;
}

PyObject *
core_chain_ik_rows(PyObject *object, PyObject *const *args, Py_ssize_t nargs)
{
    size_t dof = ((const chain_object *)object)->chain.dof;
    if (core_arguments("ik_rows", nargs, 2) != 0) {
        return NULL;
    }
    Py_buffer views[2];
    const core_request requests[2] = {{args[0], 0, -1, "out"}, {args[1], 0, -1, "counts"}};
    if (core_gather(requests, 2, views) != 0) {
        return NULL;
    }
    const double *found = views[0].buf, *counts = views[1].buf;
    size_t m = (size_t)views[1].len / sizeof(double);
    size_t most = m == 0 ? 0 : (size_t)views[0].len / (sizeof(double) * dof * m);
    PyObject *result = PyList_New((Py_ssize_t)m);
    for (size_t k = 0; result != NULL && k < m; k++) {
        size_t count = counts[k] > 0.0 && counts[k] <= (double)most ? (size_t)counts[k] : 0;
        npy_intp shape[2] = {(npy_intp)count, (npy_intp)dof};
        PyObject *rows = PyArray_SimpleNew(2, shape, NPY_DOUBLE);
        if (rows == NULL) {
            Py_CLEAR(result);
            break;
        }
        memcpy(PyArray_DATA((PyArrayObject *)rows), found + k * most * dof,
               count * dof * sizeof *found);
        PyList_SET_ITEM(result, (Py_ssize_t)k, rows);
    }
    core_release(views, 2);
    return result;
}

PyObject *
core_chain_ik_method(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    const sc_ik_model *model = &((const chain_object *)object)->ik;
    static const char *const kinds[] = {"numerical", "spherical wrist", "parallel axes"};
    return Py_BuildValue("snO", kinds[model->closed.kind], (Py_ssize_t)model->first,
                         model->closed.reversed ? Py_True : Py_False);
}
