/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between the kernels that this module is built for, 6.1 and later. */
#ifndef _FUSD_COMPAT_H
#define _FUSD_COMPAT_H

#include <linux/device.h>
#include <linux/device/class.h>
#include <linux/file.h>
#include <linux/uio.h>
#include <linux/version.h>

#if KERNEL_VERSION(6, 4, 0) > LINUX_VERSION_CODE
#define fusd_class_create(name) class_create(THIS_MODULE, name)
#else
#define fusd_class_create(name) class_create(name)
#endif

/* The device that device_type.devnode() is asked about. */
#if KERNEL_VERSION(6, 2, 0) > LINUX_VERSION_CODE
#define fusd_devnode_device struct device
#else
#define fusd_devnode_device const struct device
#endif

#if KERNEL_VERSION(6, 3, 0) > LINUX_VERSION_CODE
#define fusd_vm_flags_clear(vma, flags) ((vma)->vm_flags &= ~(flags))
#define fusd_vm_flags_set(vma, flags) ((vma)->vm_flags |= (flags))
#else
#define fusd_vm_flags_set(vma, flags) vm_flags_set(vma, flags)
#define fusd_vm_flags_clear(vma, flags) vm_flags_clear(vma, flags)
#endif

/* A new descriptor of the caller's. */
#if KERNEL_VERSION(6, 8, 0) > LINUX_VERSION_CODE
#define fusd_receive_fd(file, flags) receive_fd(file, flags)
#else
#define fusd_receive_fd(file, flags) receive_fd(file, NULL, flags)
#endif

/* Where an iterator over a vector is. */
#if KERNEL_VERSION(6, 4, 0) > LINUX_VERSION_CODE
#define fusd_iter_iov(iter) ((iter)->iov)
#else
#define fusd_iter_iov(iter) iter_iov(iter)
#endif

#endif
